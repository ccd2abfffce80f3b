#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run: 240 any
#
# sqlite3 inserts 300,000 rows and queries them.
set -u
. "$(dirname "$0")/lib.sh"
need go sqlite3

cat >"$T/rows.sql" <<'SQL'
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, value REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
INSERT INTO t SELECT i, 'name' || (i * 7919 % 300007), i * 0.5 FROM n;
CREATE INDEX by_name ON t(name);
SELECT count(*), sum(value) FROM t;
SELECT substr(name, 1, 6) AS p, count(*) FROM t GROUP BY p ORDER BY p;
SELECT a.id FROM t a JOIN t b ON a.name = b.name WHERE a.id % 1000 = 0
	ORDER BY a.name LIMIT 20;
SQL

# `same` gives LD_PRELOAD to the shell as well; so run it by a script.
cat >"$T/rows.sh" <<EOF2
rm -f "$T/rows.db"
exec sqlite3 "$T/rows.db" ".read $T/rows.sql"
EOF2
same sh "$T/rows.sh"
all_readable
in_top "$(profile sqlite3 cpu)" 20 sqlite3VdbeExec
in_top "$(profile sqlite3 alloc)" 40 sqlite3
