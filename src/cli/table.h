/*
 * table.h - tables and progress bars for people. Main thread only.
 *
 * A table has boxes like the one that wrangler draws: columns are as wide as their widest cell
 * (counted in columns of the terminal), cells with line breaks take several lines.
 */
#ifndef SLV_CLI_TABLE_H
#define SLV_CLI_TABLE_H

#include <stdio.h>

#include "base/arena.h"
#include "fmt/doc.h"

#define SLV_TABLE_COLUMNS_MAX 64

typedef struct slv_table slv_table;

slv_table *slv_table_new(const char *const *columns, size_t count);
/* Copies; as many cells as there are columns. */
void slv_table_row(slv_table *t, const slv_str *cells);
void slv_table_print(const slv_table *t, FILE *out);
/* Accepts NULL, returns NULL. */
slv_table *slv_table_free(slv_table *t);
SLV_DEFINE_CLEANUP(slv_table *, slv_table_free);

/* Objects of an array as a table: a column for each key that any of them has, in order of first
 * appearance; values as String() shows them, objects as JSON. */
void slv_table_print_rows(const slv_node *rows, FILE *out);

/* On stderr when it is a terminal, else nothing. total 0: not known. Drawn at most every 100 ms.
 * done() erases it. */
typedef struct slv_progress {
    const char *what;
    uint64_t total, at, drawn_ns;
    bool shown;
} slv_progress;
void slv_progress_step(slv_progress *p, uint64_t n);
void slv_progress_done(slv_progress *p);

#endif
