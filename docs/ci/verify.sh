#!/bin/sh
# Judges the claims of io.yaml about a command: verify.sh POLICY RESULTS COMMAND…
# Leaves the verdict's exit status, and in RESULTS the JUnit file, the summary and the recording.
set -u
policy=$1 results=$2
shift 2
mkdir -p "$results"

"${IOTRACE:-iotrace}" verify --policy "$policy" \
    --junit "$results/iotrace.xml" --markdown "$results/iotrace.md" --save "$results/iotrace.ndjson" \
    -- "$@"
status=$?

case $status in
    0) echo "every claim holds" ;;
    1) echo "a claim is broken, or the command ended with 1: see $results/iotrace.md" ;;
    3) echo "inconclusive, or the command ended with 3: see $results/iotrace.md" ;;
    125) echo "iotrace could not trace: run \`iotrace doctor\` as root" ;;
    *) echo "the command ended with status $status" ;;
esac
exit $status
