#!/usr/bin/env bash
# Re-creates guestlist/web/static/vendor: the two documentation bundles, without a source map or a call to another host.
# A new version: change it below with its sha512 (`npm view NAME@VERSION dist.integrity`), run this, look at both pages.
set -euo pipefail
cd "$(dirname "$0")/.."

SWAGGER_UI=5.35.0
SWAGGER_UI_SHA512=U06rpMtW9V3XPGOBeamTUSr0Z09jMX4IJuANpE/EZbAhw0G8CgwrzU4YmXkn/h0wCDNsXdGarTNNHC3sU8yVUQ==
REDOC=2.5.4
REDOC_SHA512=M6jWhG1qoBnH6TFmzJnstyCZ87HmOY/UzDm78mHiYihEdlV/YcS9ogOo1NlElnJMeLsyxHFe2yFc4sNjHTrABQ==

vendor=guestlist/web/static/vendor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

main() {
    fetch swagger-ui-dist "$SWAGGER_UI" "$SWAGGER_UI_SHA512"
    fetch redoc "$REDOC" "$REDOC_SHA512"
    take_swagger_ui
    take_redoc
    refuse_leftovers
    du -sh "$vendor"/*/
}

# Unpacks the package into $work/NAME, after the pinned sum has been checked.
fetch() {
    local name=$1 version=$2 expected=$3 actual
    (cd "$work" && npm pack --silent "$name@$version" >/dev/null)
    actual=$(openssl dgst -sha512 -binary "$work/$name-$version.tgz" | base64 -w0)
    if [ "$actual" != "$expected" ]; then
        echo "$name@$version: sha512 is $actual, pinned is $expected" >&2
        exit 1
    fi
    mkdir "$work/$name"
    tar -xzf "$work/$name-$version.tgz" -C "$work/$name" --strip-components=1
}

take_swagger_ui() {
    local from=$work/swagger-ui-dist to=$vendor/swagger-ui
    rm -rf "$to"
    mkdir -p "$to"
    cp "$from"/{LICENSE,NOTICE,swagger-ui.css,swagger-ui-bundle.js,swagger-ui-bundle.js.LICENSE.txt} "$to"
    # The default badge would send the address of the description to a validator elsewhere.
    replace "$to/swagger-ui-bundle.js" 3 '"https://validator.swagger.io/validator"' 'null'
    drop_source_map "$to/swagger-ui-bundle.js"
    drop_source_map "$to/swagger-ui.css"
}

take_redoc() {
    local from=$work/redoc to=$vendor/redoc
    rm -rf "$to"
    mkdir -p "$to"
    cp "$from/LICENSE" "$from"/bundles/redoc.standalone.js{,.LICENSE.txt} "$to"
    cp "$from"/bundles/*.worker.js.LICENSE.txt "$to"
    # A logo from the vendor's CDN under the menu, inside a link to the vendor: the words stay, as plain text.
    replace "$to/redoc.standalone.js" 1 \
        'e?n.createElement("img",{alt:"redocly logo",onError:()=>t(!1),src:"https://cdn.redoc.ly/redoc/logo-mini.svg"}):null' \
        'null'
    replace "$to/redoc.standalone.js" 1 \
        'n.createElement("a",{target:"_blank",rel:"noopener noreferrer",href:"https://redocly.com/redoc/"},' \
        'n.createElement("span",null,'
    # The search worker lives in the bundle as a string; its map is named there.
    local worker
    worker=$(cd "$from/bundles" && ls -- *.worker.js.LICENSE.txt)
    replace "$to/redoc.standalone.js" 1 "\\n//# sourceMappingURL=${worker%.LICENSE.txt}.map" ''
    drop_source_map "$to/redoc.standalone.js"
}

# Replaces a text that must occur exactly COUNT times: a new version that moved it stops here, not in the browser.
replace() {
    node - "$@" <<'NODE'
const fs = require("fs");
const [file, count, before, after] = process.argv.slice(2);
const parts = fs.readFileSync(file, "utf8").split(before);
if (parts.length - 1 !== Number(count)) {
  console.error(`${file}: ${parts.length - 1} times, not ${count}: ${before}`);
  process.exit(1);
}
fs.writeFileSync(file, parts.join(after));
NODE
}

drop_source_map() {
    sed -i -E -e 's|^//# sourceMappingURL=.*$||' -e 's|/\*# sourceMappingURL=[^*]*\.map ?\*/||' "$1"
}

# What a browser would fetch, or show as a link to the makers.
refuse_leftovers() {
    local hosts='cdn\.redoc|redocly\.com/redoc|validator\.swagger\.io|fonts\.g(oogle|static)|cdn\.jsdelivr|unpkg\.com'
    if grep -rnoE "$hosts|sourceMappingURL=[A-Za-z0-9._-]+\.map" "$vendor" --include='*.js' --include='*.css'; then
        echo "these must be replaced too" >&2
        exit 1
    fi
}

main
