#!/bin/sh
# run.sh ORGANISATION…: load these side by side; those that failed stand in failed.txt, and the exit code is 1.
mkdir -p output
: > failed.txt
printf '%s\n' "$@" | xargs -P 3 -I ORG sh -c 'meltano run tap-bigin--ORG target-duckdb--ORG || echo ORG >> failed.txt'
! test -s failed.txt
