"""What limits remember: for each policy and subject, when it was used. Subjects stand here only as keyed digests."""

from django.db import models

from guestlist.lib.fields import ExactCharField


class Usage(models.Model):
    """The uses of one policy by one subject, oldest first, as `lib.limits` writes them."""

    id = ExactCharField(max_length=64, primary_key=True)
    uses = models.TextField()
    ends_at = models.DateTimeField(db_index=True)  # then the row says nothing any more
