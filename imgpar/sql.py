"""What the journal says to SQLite; the tables are in `database`."""

from __future__ import annotations

UPSERT = """
INSERT INTO items(folder, name, key, run, state, size, mtime_ns, inode, digest, outputs)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(folder, name, key) DO UPDATE SET
    run = excluded.run, state = excluded.state, size = excluded.size, mtime_ns = excluded.mtime_ns,
    inode = excluded.inode, digest = excluded.digest, outputs = excluded.outputs,
    planned = CASE WHEN excluded.state = 'failed' THEN planned ELSE '[]' END,
    claims = CASE WHEN excluded.state = 'ok' THEN '[]' WHEN outputs = '[]' THEN claims ELSE outputs END
"""
PLAN = """
INSERT INTO items(folder, name, key, run, state, size, mtime_ns, inode, digest, outputs, planned)
VALUES (?, ?, ?, ?, 'planned', ?, ?, ?, '', '[]', ?)
ON CONFLICT(folder, name, key) DO UPDATE SET
    run = excluded.run, state = 'planned', planned = excluded.planned, outputs = '[]',
    claims = CASE WHEN outputs = '[]' THEN claims ELSE outputs END
"""
PLAN_COMPARE = "UPDATE items SET planned = ? WHERE folder = ? AND name = ? AND key = ?"
STILL_DONE = """
UPDATE items SET size = ?, mtime_ns = ?, inode = ?, planned = '[]' WHERE folder = ? AND name = ? AND key = ?
"""
LINE = """
INSERT OR REPLACE INTO lines(run, job, item, status, reason, detail)
SELECT ?, ?, id, ?, ?, ? FROM items WHERE folder = ? AND name = ? AND key = ?
"""
SEEN = """
INSERT OR IGNORE INTO items(folder, name, key, run, state, size, mtime_ns, inode, digest, outputs)
VALUES (?, ?, ?, ?, 'skipped', 0, 0, 0, '', '[]')
"""
READ_DONE = """
SELECT name, claims, planned, key, state, size, mtime_ns, inode, digest, run, outputs
FROM items WHERE folder = (SELECT id FROM folders WHERE path = ?)
"""
READ_SAME = """
SELECT id, size, mtime_ns, inode, outputs, name FROM items
WHERE folder = (SELECT id FROM folders WHERE path = ?) AND key = ? AND state = 'ok' AND outputs <> '[]'
"""
READ_OTHER = """
SELECT 1 FROM items WHERE folder = (SELECT id FROM folders WHERE path = ?) AND key <> ? LIMIT 1
"""
READ_NEWER = """
SELECT mine.name FROM items AS mine
JOIN items AS other ON other.folder = mine.folder AND other.name = mine.name
WHERE mine.folder = (SELECT id FROM folders WHERE path = ?) AND mine.key = ? AND other.run > mine.run
"""
SAME_LINES = """
INSERT OR REPLACE INTO lines(run, job, item, status, reason, detail)
SELECT ?, ? + key, value, 'skipped', 'unchanged', NULL FROM json_each(?)
"""
READ_UNRECORDED = """
SELECT path, name, planned FROM items JOIN folders ON folders.id = items.folder WHERE state = 'planned'
"""
READ_MADE = """
SELECT outputs FROM items
WHERE folder = (SELECT id FROM folders WHERE path = ?) AND name = ? AND state = 'ok' ORDER BY run DESC LIMIT 1
"""
UNDONE = """
UPDATE items SET state = 'skipped', outputs = '[]', claims = '[]', planned = '[]'
WHERE folder = (SELECT id FROM folders WHERE path = ?) AND name = ?
"""
READ_FAILED = """
SELECT path, name FROM items JOIN folders ON folders.id = items.folder
WHERE state = 'failed' AND key = ? ORDER BY items.id
"""
