"""SQL statements of the journal; the schema is in `database`."""

from __future__ import annotations

FIND_FOLDER = """
SELECT id, here, place FROM folders WHERE mirror = ? AND (here = ? OR place = ?)
ORDER BY here = ? DESC LIMIT 1
"""
FIND_BELOW = "SELECT id, here, place FROM folders WHERE mirror = ? AND path = ? ORDER BY id DESC LIMIT 1"
ADD_FOLDER = "INSERT INTO folders(here, place, path, mirror) VALUES (?, ?, ?, ?)"
MOVE_FOLDER = "UPDATE folders SET here = ?, place = ?, path = ? WHERE id = ?"
FORGET_PLACE = "UPDATE folders SET place = x'' WHERE mirror = ? AND place = ? AND id <> ?"
FOLDERS_AT = "SELECT id FROM folders WHERE here = ? OR place = ?"
FOLDERS_INTO = "SELECT id FROM folders WHERE mirror = ?"
SCATTERED = """
SELECT 1 FROM runs WHERE recipe LIKE '%flat = true%' OR recipe LIKE '%name = "%/%"%' LIMIT 1
"""
"""Runs of recipes with names that are paths; recipes without text are not known."""
FOLDER_PATHS = "SELECT DISTINCT path, here FROM folders"
ALL_FOLDERS = "SELECT id FROM folders"
UPSERT = """
INSERT INTO items(
    folder, name, key, run, state, size, mtime_ns, ctime_ns, inode, validator, digest, outputs)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(folder, name, key) DO UPDATE SET
    run = excluded.run, state = excluded.state, size = excluded.size, mtime_ns = excluded.mtime_ns,
    ctime_ns = excluded.ctime_ns, inode = excluded.inode, validator = excluded.validator,
    digest = excluded.digest, outputs = excluded.outputs,
    planned = CASE WHEN excluded.state = 'failed' THEN planned ELSE '[]' END,
    claims = CASE WHEN excluded.state = 'ok' THEN '[]' WHEN outputs = '[]' THEN claims ELSE outputs END
"""
UPSERT_OPEN = f"{UPSERT.rstrip()}\nWHERE items.state <> 'ok'\n"
"""The same, but a complete record is kept."""
PLAN = """
INSERT INTO items(folder, name, key, run, state, size, mtime_ns, ctime_ns, inode, digest, outputs, planned)
VALUES (?, ?, ?, ?, 'planned', ?, ?, ?, ?, '', '[]', ?)
ON CONFLICT(folder, name, key) DO UPDATE SET
    run = excluded.run, state = 'planned', planned = excluded.planned, outputs = '[]',
    claims = CASE WHEN outputs = '[]' THEN claims ELSE outputs END
"""
PLAN_COMPARE = "UPDATE items SET planned = ? WHERE folder = ? AND name = ? AND key = ?"
STILL_DONE = """
UPDATE items SET size = ?, mtime_ns = ?, ctime_ns = ?, inode = ?, validator = ?, planned = '[]'
WHERE folder = ? AND name = ? AND key = ?
"""
ADOPT = """
UPDATE OR REPLACE items SET
    folder = ?, name = ?, size = ?, mtime_ns = ?, ctime_ns = ?, inode = ?, validator = ?, planned = '[]'
WHERE id = ?
"""
_READ = """
SELECT id, folder, name, claims, planned, validator, key, state, size, mtime_ns, ctime_ns, inode, digest, run,
    outputs
FROM items
"""
READ_DONE = f"{_READ}WHERE folder = ?"
READ_ONE = f"{_READ}WHERE folder = ? AND name = ?"
READ_ROW = f"{_READ}WHERE id = ?"
SORT_OUTPUTS = """
CREATE TEMP TABLE outputs AS
    SELECT lower(json_extract(file.value, '$[0]')) AS path, items.id AS item
    FROM items, json_each(items.outputs) AS file
    UNION ALL
    SELECT lower(json_extract(file.value, '$[0]')), items.id FROM items, json_each(items.claims) AS file
    UNION ALL
    SELECT lower(json_extract(file.value, '$[0]')), items.id FROM items, json_each(items.planned) AS file;
CREATE INDEX temp.outputs_path ON outputs(path);
"""
OWNERS = "SELECT item FROM temp.outputs WHERE path = ?"
READ_SAME = """
SELECT id, size, mtime_ns, ctime_ns, inode, outputs, name FROM items
WHERE folder = ? AND key = ? AND state = 'ok' AND outputs <> '[]'
"""
READ_OTHER = """
SELECT 1 FROM items WHERE folder = ? AND key NOT IN (SELECT value FROM json_each(?)) LIMIT 1
"""
READ_NEWER = """
SELECT mine.name FROM items AS mine
JOIN items AS other ON other.folder = mine.folder AND other.name = mine.name
    AND other.key NOT IN (SELECT value FROM json_each(?))
WHERE mine.folder = ? AND mine.key = ? AND other.run > mine.run
"""
READ_ROWS = "SELECT id, name, size, outputs FROM items WHERE id IN (SELECT value FROM json_each(?))"
READ_MADE = "SELECT folder, outputs FROM items WHERE state = 'ok' AND outputs <> '[]' ORDER BY folder, id"
COUNT_OTHER = """
SELECT count(*) FROM (
    SELECT DISTINCT folder, name FROM items
    WHERE key NOT IN (SELECT value FROM json_each(?)) AND state = 'ok' AND outputs <> '[]'
)
"""
READ_PLANNED = """
SELECT items.id, items.name, items.planned, runs.uid FROM items LEFT JOIN runs ON runs.id = items.run
WHERE items.planned <> '[]'
"""
NO_PLAN = "UPDATE items SET planned = '[]' WHERE folder = ? AND name = ? AND key = ?"
RECOVERED = (
    "UPDATE items SET state = 'ok', outputs = ?, planned = '[]', claims = '[]', digest = ? WHERE id = ?"
)
UNDONE = """
UPDATE items SET state = 'skipped', outputs = '[]', claims = '[]', planned = '[]'
WHERE folder = ? AND name = ?
"""
FORGET = "DELETE FROM items WHERE folder = ? AND name = ?"
READ_FAILED = """
SELECT name FROM items
WHERE folder = ? AND state = 'failed' AND key IN (SELECT value FROM json_each(?))
"""
HAS_FAILED = """
SELECT 1 FROM items
WHERE folder = ? AND name = ? AND state = 'failed' AND key IN (SELECT value FROM json_each(?))
"""
FAILED_ALIKE = """
SELECT name, size, mtime_ns, ctime_ns, inode FROM items
WHERE folder = ? AND state = 'failed' AND key IN (SELECT value FROM json_each(?))
    AND run NOT IN (SELECT id FROM runs WHERE finished IS NULL)
"""
"""Failures of runs that were not stopped, which may have failed for the reason that stopped them."""
PRUNE_RUNS = """
DELETE FROM runs WHERE id <= ? AND finished IS NOT NULL AND key = ? AND recipe IS
    (SELECT recipe FROM runs WHERE id = ?)
"""
COUNT_FAILED = """
SELECT count(*) FROM (SELECT DISTINCT folder, name FROM items
WHERE state = 'failed' AND key IN (SELECT value FROM json_each(?)))
"""
