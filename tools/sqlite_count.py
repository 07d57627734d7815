#!/usr/bin/env python3
"""Makes the SQLite source that the build compiles from the amalgamation of npm: the same text with a few lines more.

Two things that the platform promises cannot be seen from outside the library:

- how many rows a statement has looked at and written (`rows_read`, `rows_written`): every step of a cursor on a
  table or an index, every entry written into one. Two counters stand in the statement; slv_sqlite_rows() reads
  them (src/store/usersql.c).
- the new name in ALTER TABLE ... RENAME TO, which the authorizer is not told: it goes in as a fifth argument, so
  that no table gets a reserved name.

Every edit names the place by text that must be there exactly once after its mark; when a later SQLite words it
otherwise the build fails here instead of counting wrong.

usage: sqlite_count.py IN OUT
"""

import sys

READ = "p->slv_rows[0]"
WRITTEN = "p->slv_rows[1]"

# (mark, anchor, "after" or "instead", text). The anchor is looked for from the mark on.
EDITS = [
    (None, "  u32 aCounter[9];        /* Counters used by sqlite3_stmt_status() */\n", "after", "  u64 slv_rows[2]; /* read, written */\n"),
    ("case OP_Count: {", "    rc = sqlite3BtreeCount(db, pCrsr, &nEntry);\n", "after", f"    {READ} += (u64)nEntry;\n"),
    ("case OP_SeekLT:", "#ifdef SQLITE_TEST\n  sqlite3_search_count++;\n", "before", f"  {READ}++;\n"),
    ("\nnotExistsWithKey:", "  pC->seekResult = res;\n", "after", f"  {READ}++;\n"),
    ("\ncase OP_Insert: {", "  if( pOp->p5 & OPFLAG_NCHANGE ){\n", "before", f"  if( !pC->isEphemeral ) {WRITTEN}++;\n"),
    ("\ncase OP_Delete: {", "  if( opflags & OPFLAG_NCHANGE ){\n", "after", f"    if( !pC->isEphemeral ) {WRITTEN}++;\n"),
    ("\ncase OP_Last: {", "  if( rc ) goto abort_due_to_error;\n", "after", f"  {READ}++;\n"),
    ("\ncase OP_Rewind: {", "  pC->nullRow = (u8)res;\n", "after", f"  {READ}++;\n"),
    ("\nnext_tail:", "    p->aCounter[pOp->p5]++;\n", "after", f"    {READ}++;\n"),
    ("\ncase OP_IdxInsert: {", "  if( pOp->p5 & OPFLAG_NCHANGE ) p->nChange++;\n", "after", f"  if( !pC->isEphemeral ) {WRITTEN}++;\n"),
    ("\ncase OP_Clear: {", "    p->nChange += nChange;\n", "after", f"    {WRITTEN} += (u64)nChange;\n"),
    ("\ncase OP_VNext: {", "  rc = pModule->xNext(pCur->uc.pVCur);\n", "after", f"  if( rc==SQLITE_OK ) {READ}++;\n"),
    ("\ncase OP_VUpdate: {", "    }else{\n      p->nChange++;\n", "after", f"      {WRITTEN}++;\n"),
    (
        "\nSQLITE_PRIVATE void sqlite3AlterRenameTable(\n",
        "sqlite3AuthCheck(pParse, SQLITE_ALTER_TABLE, zDb, pTab->zName, 0)",
        "instead",
        "sqlite3AuthCheck(pParse, SQLITE_ALTER_TABLE, zDb, pTab->zName, zName)",
    ),
]

END = """
/* Rows that the statement has looked at (which 0) or written (1) since the last reset of the counter. */
SQLITE_API sqlite3_uint64 slv_sqlite_rows(sqlite3_stmt *st, int which, int reset){
  Vdbe *p = (Vdbe*)st;
  sqlite3_uint64 n = p->slv_rows[which & 1];

  if( reset ) p->slv_rows[which & 1] = 0;
  return n;
}
"""

# The parser's part ends before the extensions: Vdbe is known from there on.
END_MARK = "/************** End of vdbeapi.c "


def fail(text):
    sys.exit(f"sqlite_count.py: {text}")


def edit(source, mark, anchor, how, text):
    at = 0
    if mark is not None:
        if source.count(mark) != 1:
            fail(f"{mark.strip()!r} is there {source.count(mark)} times")
        at = source.index(mark)
    found = source.find(anchor, at)
    if found < 0 or (mark is not None and found - at > 12000):
        fail(f"{anchor.strip()!r} does not follow {mark!r}")
    if how == "after":
        found += len(anchor)
        return source[:found] + text + source[found:]
    if how == "before":
        return source[:found] + text + source[found:]
    return source[:found] + text + source[found + len(anchor) :]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8", newline="") as f:
        source = f.read()
    for row in EDITS:
        source = edit(source, *row)
    if source.count(END_MARK) != 1:
        fail("the end of vdbeapi.c is not there")
    at = source.index(END_MARK)
    source = source[:at] + END.lstrip("\n") + "\n" + source[at:]
    with open(sys.argv[2], "w", encoding="utf-8", newline="") as f:
        f.write(source)


main()
