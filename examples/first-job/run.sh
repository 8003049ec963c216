#!/bin/sh
# The first job over REST, with curl only:
#
#   run.sh [address]        the coordinator's REST endpoint of `fedflow up`; http://127.0.0.1:9380 when it is not given
#
# The token is read from FEDFLOW_TOKEN, or from the file that FEDFLOW_ACCESS names: `access` in the ready line of `fedflow up`.
set -eu

endpoint=${1:-http://127.0.0.1:9380}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

fail() {
    echo "$*" >&2
    exit 1
}

# refused WHAT REPLY: says why, and ends
refused() {
    case $2 in
        *'"FF305"'*) fail "$endpoint asks for a token: set FEDFLOW_ACCESS to the access.json that \`fedflow up\` named" ;;
        *) fail "$1 was refused: $2" ;;
    esac
}

token=${FEDFLOW_TOKEN:-}
if [ -z "$token" ] && [ -n "${FEDFLOW_ACCESS:-}" ]; then
    token=$(sed -n 's/.*"token": *"\([^"]*\)".*/\1/p' "$FEDFLOW_ACCESS")
    [ -n "$token" ] || fail "there is no token in $FEDFLOW_ACCESS"
fi

# ask ARGUMENTS: curl with the token, which is not an argument: other users of the machine could see those
ask() {
    if [ -n "$token" ]; then
        printf 'header = "authorization: Bearer %s"\n' "$token" \
            | curl --silent --show-error --fail-with-body --config - "$@"
    else
        curl --silent --show-error --fail-with-body "$@"
    fi
}

# post PATH JSON: the reply, which must be a success
post() {
    reply=$(ask -H 'content-type: application/json' -d "$2" "$endpoint$1")
    case $reply in
        *'"retcode":0'*|*'"retcode": 0'*) echo "$reply" ;;
        *) refused "$1" "$reply" ;;
    esac
}

# field NAME JSON: the first text field of that name
field() {
    printf '%s\n' "$2" | sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" | head -n 1
}

# wait_for JOB: until it has ended, at most two minutes
wait_for() {
    attempts=0
    while [ "$attempts" -lt 600 ]; do
        row=$(post /v1/job/query "{\"job_id\": \"$1\"}")
        case $(field f_status "$row") in
            success) return 0 ;;
            failed|canceled|timeout) fail "job $1 did not succeed: $row" ;;
        esac
        attempts=$((attempts + 1))
        sleep 0.2
    done
    fail "job $1 did not end"
}

# upload PARTY NAME: ../data/NAME.csv as the table examples.NAME of a party
upload() {
    reply=$(ask \
        -F namespace=examples -F "table_name=$2" -F "party_id=$1" -F head=1 -F partition=4 -F drop=1 -F id_delimiter=, \
        -F "file=@$here/../data/$2.csv" "$endpoint/v1/data/upload")
    job=$(field jobId "$reply")
    [ -n "$job" ] || refused "the upload of $2" "$reply"
    wait_for "$job"
    echo "party $1 has the table examples.$2"
}

upload 9999 bank
upload 10000 clinic

reply=$(post /v1/job/submit "{\"job_dsl\": $(cat "$here/dsl.json"), \"job_runtime_conf\": $(cat "$here/conf.json")}")
job=$(field jobId "$reply")
echo "job $job is submitted"
wait_for "$job"
echo "job $job succeeded; what the guest's evaluation measured:"
post /v1/tracking/component/metric/all \
    "{\"job_id\": \"$job\", \"component_name\": \"evaluation_0\", \"role\": \"guest\", \"party_id\": \"9999\"}"
