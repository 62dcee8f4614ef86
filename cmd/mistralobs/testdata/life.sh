#!/usr/bin/env bash
# The whole life of a dataset, against the emulator: life.sh MISTRALOBS, where MISTRALOBS is the path of the tool.
# Every exit status is checked.
set -euo pipefail
tool=$1
unset MISTRAL_API_KEY MISTRAL_SA_TOKEN_PATH MISTRAL_BASE_URL
dir=$(mktemp -d)
emulator=""
# shellcheck disable=SC2329 # called by the trap
clean_up() {
  [ -z "$emulator" ] || kill "$emulator" 2>/dev/null || true
  rm -rf "$dir"
}
trap clean_up EXIT
cd "$dir"

fail() {
  echo "life.sh: line ${BASH_LINENO[1]}: $*" >&2
  cat stdout stderr >&2
  exit 1
}
# expect STATUS ARGUMENT…: runs the tool, which must end with this status. Its output is in stdout and stderr.
expect() {
  local want=$1 status=0
  shift
  "$tool" "$@" > stdout 2> stderr || status=$?
  [ "$status" = "$want" ] || fail "mistralobs $* ended with $status, not $want"
}
jq=$(command -v jq || true)
# json STATUS ARGUMENT…: the same for a command whose output must be JSON.
json() {
  expect "$@"
  [ -z "$jq" ] || "$jq" . stdout > /dev/null || fail "the output is not JSON"
}
has() { grep -q -- "$2" "$1" || fail "$1 has no $2"; }
count() { [ "$(wc -l < stdout | tr -d ' ')" = "$1" ] || fail "the output has not $1 lines"; }

# Wrong usage, and no key.
expect 2
expect 2 nonsense
expect 2 create
expect 2 create one two
expect 2 edit record name=text
expect 2 evaluate dataset
expect 2 evaluate dataset -judge judge.json -workers 0
has stderr "-workers must be positive"
expect 2 sync dataset file.jsonl -max-deletes -1
expect 2 sync dataset file.jsonl -keep id
expect 2 emulator -latency -1s
expect 2 emulator nonsense
has stderr "nonsense\": mistralobs emulator \[flags\]$"
expect 2 import-spans dataset
expect 2 datasets -nonsense
has stderr "mistralobs datasets -h"
expect 0 sync -h
has stdout "max-deletes"
expect 0 -h
expect 1 datasets
has stderr "MISTRAL_API_KEY"
has stderr "demo"
expect 0 datasets -demo
has stdout "Support tickets"
expect 1 get -demo 0198c3a1-5b7e-7c44-9d0a-3f1e2b6a8c55
has stderr "mistralobs emulator"

# The emulator announces itself in its first line.
mkfifo hello
"$tool" emulator -addr 127.0.0.1:0 -task-duration 0 -latency 1us -rate-limit 10000 > hello &
emulator=$!
read -r line < hello
MISTRAL_BASE_URL=$(printf '%s' "$line" | sed 's/.*"url":"\([^"]*\)".*/\1/')
MISTRAL_API_KEY=$(printf '%s' "$line" | sed 's/.*"api_key":"\([^"]*\)".*/\1/')
export MISTRAL_BASE_URL MISTRAL_API_KEY

# Create, import, add.
expect 0 create "Capitals" -description "Of countries"
dataset=$(cat stdout)
expect 0 create -or-find "Capitals"
[ "$(cat stdout)" = "$dataset" ] || fail "create -or-find made another dataset"
cat > capitals.jsonl <<'END'
{"payload":{"question":"Capital of France?","answer":"Paris"},"properties":{"id":"fr","continent":"Europe"}}
{"payload":{"question":"Capital of Malta?","answer":"Valetta"},"properties":{"id":"mt","continent":"Europe"}}
END
expect 0 import "$dataset" capitals.jsonl
has stdout "2 records imported"
expect 1 import no-such-dataset capitals.jsonl
has stderr "mistralobs datasets"
expect 1 import "$dataset" no-such-file.jsonl
expect 1 import "$dataset" /dev/null
has stderr "the input must have at least one record"
printf '%s\n' '{"payload":{"question":"Capital of Peru?"},"properties":{"id":"pe"}}' '{"payload":3}' > bad.jsonl
expect 1 add "$dataset" bad.jsonl
has stderr "nothing was added"
expect 0 records "$dataset"
count 2
head -1 bad.jsonl > peru.jsonl
expect 0 add capitals - < peru.jsonl
count 1
record=$(cat stdout)

# Get, edit, delete.
expect 0 get "$record"
has stdout "Capital of Peru"
json 0 edit "$record" 'continent="America"' population=34000000 -json
expect 2 edit "$record" continent=America
json 0 get -json "$record"
has stdout '"continent":"America","population":34000000'
expect 0 delete "$record"
expect 1 get "$record"
expect 0 records Capitals
count 2
if [ -n "$jq" ]; then
  [ "$("$tool" records Capitals | jq -r '.properties.id' | tr '\n' ' ')" = "fr mt " ] || fail "jq read other records"
  [ "$("$tool" datasets -json -q Capitals | jq -r '.id')" = "$dataset" ] || fail "jq read another dataset"
fi

# Evaluate: with a judge of the workspace, and with one in a file.
judge=$(printf '%s' "$line" | sed 's/.*"judge_id":"\([^"]*\)".*/\1/')
expect 1 evaluate "Support tickets" -judge nonsense
json 0 evaluate "Support tickets" -judge "$judge" -json
count 12
expect 0 evaluate "Support tickets" -judge "$judge" -write score -by category
has stdout "^shipping  *4  *[01]"
mv stdout first
cat > judge.json <<'END'
{"name":"Category","model_name":"mistral-small-latest","instructions":"Which category?",
"output":{"type":"CLASSIFICATION","options":[
{"value":"shipping","description":"parcels"},{"value":"refunds","description":"returns"}]}}
END
expect 0 evaluate "Support tickets" -judge judge.json -by category -pass refunds
has stdout "PASS (refunds)"
json 0 evaluate "Support tickets" -judge "$judge" -write score -by category -json
count 0 # none is judged again
expect 0 evaluate "Support tickets" -judge "$judge" -write score -by category
cmp first stdout || fail "the second evaluation has other results"
expect 0 records "Support tickets"
scored=$(sed -n '1s/^{"id":"\([^"]*\)".*/\1/p' stdout)
expect 0 edit "$scored" 'score="high"'
expect 1 evaluate "Support tickets" -judge "$judge" -write score
has stdout "^all  *11 "
has stderr "$scored"
has stderr "records without a score: 1"

# Sync: a dry run, a refusal, the changes, and again.
cat > wanted.jsonl <<'END'
{"payload":{"question":"Capital of Malta?","answer":"Valletta"},"properties":{"id":"mt","continent":"Europe"}}
{"payload":{"question":"Capital of Ghana?","answer":"Accra"},"properties":{"id":"gh","continent":"Africa"}}
END
expect 3 sync Capitals wanted.jsonl -delete -dry-run -full
has stdout "Accra"
json 3 sync Capitals wanted.jsonl -delete -dry-run -json
expect 2 sync Capitals
expect 1 sync Capitals /dev/null -delete
has stderr "-allow-empty"
expect 1 sync "" /dev/null -delete
! grep -q -- -allow-empty stderr || fail "the hint does not fit the error"
json 0 sync Capitals -key id wanted.jsonl -delete -max-deletes 1 -json
expect 0 sync Capitals - -delete -dry-run < wanted.jsonl
expect 0 records Capitals
scored=$(sed -n '/Malta/s/^{"id":"\([^"]*\)".*/\1/p' stdout)
expect 0 edit "$scored" score=1
expect 0 sync Capitals wanted.jsonl -dry-run -keep score
expect 3 sync Capitals wanted.jsonl -dry-run
expect 0 sync Capitals wanted.jsonl

# Export, copy, and the same contents in the copy.
expect 0 export Capitals -o export.jsonl
json 0 copy -json Capitals "Capitals again"
expect 1 copy Capitals "Capitals again"
has stderr "nothing was copied"
expect 0 export "Capitals again"
cmp export.jsonl stdout || fail "the copy has other records"
expect 0 sync "Capitals again" export.jsonl -delete -dry-run

# Spans: a second import leaves out those of the first.
expect 0 import-spans Capitals -search "operation_name = 'chat'" -map question=gen_ai.input.messages
has stdout "12 imported"
expect 0 import-spans Capitals -search "operation_name = 'chat'" -map question=gen_ai.input.messages
has stdout "0 imported"
expect 0 import-spans Capitals -again -search "operation_name = 'chat'" -map question=gen_ai.input.messages
has stdout "12 imported"

# A full disk and a closed pipe are failures.
if [ -e /dev/full ]; then
  status=0
  "$tool" records Capitals > /dev/full 2> stderr || status=$?
  [ "$status" = 1 ] || fail "records ended with $status on a full disk"
  status=0
  "$tool" copy Capitals "Capitals in full" > /dev/full 2> stderr || status=$?
  [ "$status" = 1 ] || fail "copy ended with $status on a full disk"
  copy=$("$tool" create -or-find "Capitals in full")
  has stderr "the dataset is $copy"
fi
mkfifo closed
true < closed &
exec 4> closed
wait $!
status=0
"$tool" records Capitals >&4 2> stderr || status=$?
[ "$status" = 1 ] || fail "records ended with $status on a closed pipe"
[ ! -s stderr ] || fail "records said something about a closed pipe"
exec 4>&-

# Signals end a command that waits for its input.
mkfifo input
for signal in INT TERM HUP; do
  "$tool" import Capitals input > stdout 2> stderr &
  job=$!
  exec 3> input # returns when the tool has opened it
  kill "-$signal" "$job"
  status=0
  wait "$job" || status=$?
  exec 3>&-
  [ "$status" = 130 ] || fail "SIG$signal ended import with $status"
  has stderr interrupted
done

# Of several datasets, none is deleted if one cannot be found.
expect 1 delete -datasets Capitals no-such-dataset
has stderr "mistralobs datasets lists"
expect 0 delete -datasets Capitals "Capitals again"
expect 1 records "$dataset"
kill -TERM "$emulator"
wait "$emulator" || fail "the emulator ended with $?"
emulator=""
