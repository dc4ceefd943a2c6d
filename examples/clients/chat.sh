#!/bin/sh
# A streamed chat call through Tollgate with curl, raw: the events as they arrive.
#
#   cargo xtask demo --keep                     # in another terminal; it prints the gateway's URL
#   examples/clients/chat.sh http://127.0.0.1:10000 "Why did bridges charge a toll?" [model] [consumer]
set -eu

if [ $# -lt 2 ]; then
    echo "usage: $0 GATEWAY_URL PROMPT [MODEL] [CONSUMER]" >&2
    exit 2
fi
gateway=${1%/} model=${3:-gpt-4o} consumer=${4:-alice}

# The prompt as the inside of a JSON string: backslashes and quotes escaped, line ends spelled out.
prompt=$(printf '%s' "$2" | sed -e 's/[\\"]/\\&/g' -e 's/\t/\\t/g' | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }')

# --no-buffer shows events as they come; --fail-with-body makes a refusal (403, 429, ..) an error of this script, too.
exec curl --silent --show-error --no-buffer --fail-with-body "$gateway/v1/chat/completions" \
    --header 'content-type: application/json' \
    --header "x-tollgate-consumer: $consumer" \
    --data-binary '{"model":"'"$model"'","stream":true,"messages":[{"role":"user","content":"'"$prompt"'"}]}'
