#!/bin/sh
# Runs the federation of this folder, daemon by daemon, until Ctrl-C:
#
#   start.sh [folder]       where certificates, data and logs go; a temporary folder when it is not given
#
# FEDFLOW names the command (default: fedflow). The certificates are throw-away ones, made on the first run. When everything
# is started, one line of JSON goes to standard output, as from `fedflow up`.
set -eu

fedflow=${FEDFLOW:-fedflow}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
folder=${1:-$(mktemp -d)}
umask 077
mkdir -p "$folder/log"
cp "$here"/*.toml "$folder"
cd "$folder"

daemons=
end() {
    trap - EXIT INT TERM
    for daemon in $daemons; do
        kill "$daemon" 2>/dev/null || true
    done
    wait
}
trap end EXIT
trap 'end; exit 0' INT TERM

if [ ! -e authority/root.pem ]; then
    {
        "$fedflow" certs init --dir authority --name example
        "$fedflow" certs issue --dir authority --party coordinator --kind coordinator --out identity/coordinator
        "$fedflow" certs issue --dir authority --party 9999 --kind agent --out identity/guest
        "$fedflow" certs issue --dir authority --party 10000 --kind agent --out identity/host
        "$fedflow" certs issue --dir authority --party 8888 --kind agent --out identity/arbiter
    } >&2
fi

# start KIND NAME: a daemon with NAME.toml, until it has said that it is ready
start() {
    "$fedflow" "$1" --config "$2.toml" >"log/$2.ready" 2>"log/$2.err" </dev/null &
    daemon=$!
    daemons="$daemon $daemons"
    attempts=0
    while ! [ -s "log/$2.ready" ]; do
        attempts=$((attempts + 1))
        if [ "$attempts" -gt 300 ] || ! kill -0 "$daemon" 2>/dev/null; then
            echo "the $2 did not start:" >&2
            cat "log/$2.err" >&2
            exit 1
        fi
        sleep 0.1
    done
}

# endpoint NAME: the REST address that a daemon said
endpoint() {
    sed -n 's/.*"rest":"\([^"]*\)".*/http:\/\/\1/p' "log/$1.ready"
}

start coordinator coordinator
start agent guest
start agent host
start agent arbiter

printf '{"ready":true,"rest":"%s","parties":{"9999":"%s","10000":"%s","8888":"%s"}}\n' \
    "$(endpoint coordinator)" "$(endpoint guest)" "$(endpoint host)" "$(endpoint arbiter)"
echo "Everything is in $folder. Ctrl-C ends it." >&2
wait
