#!/bin/sh
# Makes a throw-away federation in certs/dev: a root, one coordinator, and an agent for every party named.
#
#   certs/issue-dev.sh [party ...]        parties default to 9999 10000
#
# FEDFLOW names the command (default: fedflow), FEDERATION the federation (default: dev). Nothing that exists is
# overwritten: remove certs/dev/* to start again. These keys are for one machine and a test; never send them anywhere.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
fedflow=${FEDFLOW:-fedflow}
federation=${FEDERATION:-dev}
out="$here/dev"
umask 077

[ $# -gt 0 ] || set -- 9999 10000

"$fedflow" certs init --dir "$out/authority" --name "$federation"
"$fedflow" certs issue --dir "$out/authority" --party coordinator --kind coordinator --out "$out/coordinator"
for party in "$@"; do
    "$fedflow" certs issue --dir "$out/authority" --party "$party" --kind agent --out "$out/agent-$party"
done

echo "The federation $federation is in $out: authority, coordinator, and agent-<party> for $*."
