#!/bin/sh
# FATE's command line `flow`, unmodified, against a federation: upload, train, look, deploy, predict.
#
#   fate_flow_cli.sh [ip [port]]    the coordinator's REST endpoint of `fedflow up`; 127.0.0.1 9380 when they are not given
#
# `flow init` writes the address into the client's settings, where it stays; so do key and secret, with which requests are signed. They
# are read from the file that FEDFLOW_ACCESS names: `access` in the ready line of `fedflow up`.
set -eu

ip=${1:-127.0.0.1}
port=${2:-9380}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
python=${PYTHON:-python3}
work=$(mktemp -d)
[ -z "${FEDFLOW_ACCESS:-}" ] || FEDFLOW_ACCESS=$(realpath "$FEDFLOW_ACCESS")
trap 'rm -rf "$work"' EXIT
cd "$work"

# field PATH: one value of the reply on standard input; ends the script when the reply is not a success. `flow` itself ends well
# whatever the server says, and prints a line about torch before the reply.
field() {
    "$python" -c '
import json, sys
printed = sys.stdin.read()
reply = json.loads(printed[printed.index("{"):])
if reply["retcode"] != 0:
    sys.exit(f"refused: {reply}")
for key in sys.argv[1].split("."):
    reply = reply[int(key) if key.isdigit() and isinstance(reply, list) else key]
print(reply if isinstance(reply, str) else json.dumps(reply))' "$1"
}

# known NAME: a text of the federation's access.json
known() {
    "$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$FEDFLOW_ACCESS" "$1"
}

# wait_for JOB ROLE PARTY: until it has ended, at most two minutes
wait_for() {
    attempts=0
    while [ "$attempts" -lt 120 ]; do
        status=$(flow job query -j "$1" -r "$2" -p "$3" | field data.0.f_status)
        case $status in
            success) return 0 ;;
            failed | canceled | timeout) echo "job $1 is $status" >&2; exit 1 ;;
        esac
        attempts=$((attempts + 1))
        sleep 1
    done
    echo "job $1 did not end" >&2
    exit 1
}

# upload NAME PARTY: ../data/NAME.csv as the table examples.NAME of that party. At the coordinator an upload without a party goes to
# every party, and one of these tables holds the labels.
upload() {
    cat >"$1.json" <<CONF
{"file": "$here/../data/$1.csv", "head": 1, "partition": 4, "namespace": "examples", "table_name": "$1", "party_id": $2}
CONF
    job=$(flow data upload -c "$1.json" --drop | field jobId)
    wait_for "$job" local 0
    # `flow table info` names no party: the coordinator asks all of them, and says who has the table.
    echo "examples.$1 is at parties $(flow table info -n examples -t "$1" | field data.parties)"
    echo "examples.$1 has $(flow table info -n examples -t "$1" | field data.count) rows"
}

set -- --ip "$ip" --port "$port"
if [ -n "${FEDFLOW_ACCESS:-}" ]; then
    set -- "$@" --app-key "$(known app_key)" --secret-key "$(known secret)"
fi
flow init "$@" | field retmsg
upload bank 9999
upload clinic 10000

reply=$(flow job submit -c "$here/../first-job/conf.json" -d "$here/../first-job/dsl.json")
job=$(echo "$reply" | field jobId)
model_id=$(echo "$reply" | field data.model_info.model_id)
echo "training $job"
wait_for "$job" guest 9999
echo "AUC and KS: $(flow component metric-all -j "$job" -r guest -p 9999 -cpn evaluation_0 | field data.train.hetero_lr_0.data)"

flow job log -j "$job" -o logs | field retmsg
tail -n 3 "logs/job_${job}_log/guest/9999/INFO.log"

deployed=$(flow model deploy --model-id "$model_id" --model-version "$job" \
    --cpn-list "reader_0,data_transform_0,intersection_0,hetero_lr_0" | field data.model_version)
flow model get-predict-conf --model-id "$model_id" --model-version "$deployed" -o . | field retmsg
# The template has a place for each reader's table.
"$python" - predict_conf_*.json <<'FILL'
import json, sys

conf = json.load(open(sys.argv[1]))
tables = {"guest": "bank", "host": "clinic"}
for role, parties in conf["component_parameters"]["role"].items():
    for components in parties.values():
        for reader in components.values():
            reader["table"] = {"name": tables[role], "namespace": "examples"}
json.dump(conf, open("predict.json", "w"))
FILL
prediction=$(flow job submit -c predict.json | field jobId)
echo "prediction $prediction"
wait_for "$prediction" guest 9999
folder=$(flow component output-data -j "$prediction" -r guest -p 9999 -cpn hetero_lr_0 -o . | field directory)
for table in "$folder"/*.csv; do
    head -n 4 "$table"
    echo "predicted $(($(wc -l <"$table") - 1)) rows"
done
