"""Redis or Valkey: a look at some texts, and a swap of all of them that succeeds only if none has changed since."""

from collections.abc import Sequence
from typing import Any, NamedTuple

PATIENCE = 0.1  # seconds to connect, and to answer
CONNECTIONS = 8  # a process; each is used for less than a millisecond

# Keys, then what each was when it was looked at, what it shall be ("": nothing), for how many milliseconds (0: ever).
# Answers 1 when it has swapped them all; otherwise 0, who the server is, and what there is now.
# Who it is: its run id, which changes when it restarts, and how many keys it has thrown away for want of memory.
SCRIPT = """
local found, same = redis.call('MGET', unpack(KEYS)), #ARGV > 0
for i = 1, #KEYS do
  found[i] = found[i] or ''
  same = same and found[i] == ARGV[i]
end
if not same then
  local run_id = redis.call('INFO', 'server'):match('run_id:(%w+)')
  local evicted = redis.call('INFO', 'stats'):match('evicted_keys:(%d+)')
  return {0, run_id .. ':' .. evicted, unpack(found)}
end
for i = 1, #KEYS do
  local text, life = ARGV[#KEYS + i], ARGV[2 * #KEYS + i]
  if text == '' then
    redis.call('DEL', KEYS[i])
  elseif text ~= found[i] then
    if life == '0' then redis.call('SET', KEYS[i], text) else redis.call('SET', KEYS[i], text, 'PX', life) end
  end
end
return {1}
"""


class NoAnswer(Exception):
    """Redis cannot be asked, does not answer, or refuses."""


class Look(NamedTuple):
    """Who the server is, and its texts in the order of the keys; a key that it does not have is an empty one."""

    server: str
    texts: list[str]


class Swap(NamedTuple):
    """A text that is to become another, for so many milliseconds; 0 is for ever."""

    old: str
    new: str
    life: int = 0


def can_read(url: str) -> bool:
    """Whether this is a URL of a Redis, with no option that there is not."""
    from redis import connection

    try:
        options = connection.parse_url(url)  # type: ignore[no-untyped-call]
        options.pop("connection_class", connection.Connection)(**options)  # not connected yet
    except (ValueError, TypeError):
        return False
    return True


class Server:
    """One server, over few connections. All raises NoAnswer, after at most twice the patience."""

    def __init__(self, url: str) -> None:
        # Imported no earlier: it takes a fifth of a second, and most services have no Redis.
        import redis
        from redis.backoff import NoBackoff
        from redis.connection import parse_url
        from redis.retry import Retry

        ours = {
            "socket_timeout": PATIENCE,
            "socket_connect_timeout": PATIENCE,
            "retry": Retry(NoBackoff(), 0),  # `_run` does that
            "max_connections": CONNECTIONS,
            "decode_responses": True,
            "protocol": 2,
        }
        self._broken = (redis.ConnectionError, redis.TimeoutError)
        self._errors = redis.RedisError
        options = {**parse_url(url), **ours}  # type: ignore[no-untyped-call]
        client = redis.Redis(connection_pool=redis.ConnectionPool(**options))
        self._script = client.register_script(SCRIPT)

    def look(self, keys: Sequence[str]) -> Look:
        """What stands under these keys."""
        _, server, *texts = self._run(keys, [])
        return Look(server, texts)

    def swap(self, keys: Sequence[str], swaps: Sequence[Swap]) -> Look | None:
        """Swap all texts at once; None when it is done, or what there is instead when any is not the old one."""
        done, *found = self._run(keys, [part for column in zip(*swaps, strict=True) for part in column])
        return None if done else Look(found[0], found[1:])

    def _run(self, keys: Sequence[str], values: Sequence[str | int]) -> Any:
        try:
            try:
                return self._script(keys=keys, args=values)
            except self._broken:  # its idle connection perhaps: once more, on a new one
                return self._script(keys=keys, args=values)
        except self._errors as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error
