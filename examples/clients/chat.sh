#!/bin/sh
# A streamed chat call through Tollgate with curl. It prints the raw events as they arrive.
#
#   cargo xtask demo --keep                     # in another terminal; it prints the gateway's URL
#   examples/clients/chat.sh http://127.0.0.1:10000 "Why did bridges charge a toll?" [model] [consumer]
set -eu

if [ $# -lt 2 ]; then
    echo "usage: $0 GATEWAY_URL PROMPT [MODEL] [CONSUMER]" >&2
    exit 2
fi
gateway=${1%/} model=${3:-gpt-4o} consumer=${4:-alice}

# The prompt as the content of a JSON string: backslashes, quotes, tabs and line ends are escaped.
prompt=$(printf '%s' "$2" | sed -e 's/[\\"]/\\&/g' -e 's/\t/\\t/g' | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }')

# --no-buffer prints events as they arrive; --fail-with-body makes this script fail on an error status (403, 429, ...).
exec curl --silent --show-error --no-buffer --fail-with-body "$gateway/v1/chat/completions" \
    --header 'content-type: application/json' \
    --header "x-tollgate-consumer: $consumer" \
    --data-binary '{"model":"'"$model"'","stream":true,"messages":[{"role":"user","content":"'"$prompt"'"}]}'
