#include "cli/table.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/vec.h"
#include "fmt/json.h"

#define BAR_WIDTH 30
#define BAR_EVERY_NS ((uint64_t)100 * 1000 * 1000)

struct slv_table {
    size_t columns;
    size_t widths[SLV_TABLE_COLUMNS_MAX];
    char *heads[SLV_TABLE_COLUMNS_MAX];
    SLV_VEC(char **) rows;
};

/* ---- text ---- */

/* Columns that a line of UTF-8 takes: code points, those of East Asia and emoji twice. */
static size_t text_width(slv_str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if ((c & 0xc0) == 0x80)
            continue;
        n += c >= 0xf0 || (c >= 0xe3 && c <= 0xed) ? 2 : 1;
    }
    return n;
}

/* Line number i of a cell; false past the last. */
static bool cell_line(const char *cell, size_t i, slv_str *ret)
{
    slv_str rest = slv_str_from(cell);

    for (size_t at = 0; slv_str_split(&rest, '\n', ret); at++)
        if (at == i)
            return true;
    return false;
}

static size_t cell_lines(const char *cell)
{
    size_t n = 1;

    for (; *cell; cell++)
        n += *cell == '\n';
    return n;
}

static void measure(slv_table *t, size_t column, const char *cell)
{
    slv_str line;

    for (size_t i = 0; cell_line(cell, i, &line); i++)
        if (text_width(line) > t->widths[column])
            t->widths[column] = text_width(line);
}

/* Tabs and control characters would tear the boxes apart. */
static char *clean(slv_str s)
{
    char *out = slv_strndup(s.ptr ? s.ptr : "", s.len);

    for (char *c = out; c < out + s.len; c++)
        if ((unsigned char)*c < 0x20 && *c != '\n')
            *c = ' ';
    return out;
}

/* ---- tables ---- */

slv_table *slv_table_new(const char *const *columns, size_t count)
{
    slv_table *t = slv_new0(slv_table);

    t->columns = count < SLV_TABLE_COLUMNS_MAX ? count : SLV_TABLE_COLUMNS_MAX;
    for (size_t i = 0; i < t->columns; i++) {
        t->heads[i] = clean(slv_str_from(columns[i]));
        measure(t, i, t->heads[i]);
    }
    return t;
}

slv_table *slv_table_free(slv_table *t)
{
    if (!t)
        return NULL;
    for (size_t i = 0; i < t->columns; i++)
        free(t->heads[i]);
    for (size_t r = 0; r < t->rows.len; r++) {
        for (size_t i = 0; i < t->columns; i++)
            free(t->rows.items[r][i]);
        free(t->rows.items[r]);
    }
    slv_vec_done(&t->rows);
    free(t);
    return NULL;
}

void slv_table_row(slv_table *t, const slv_str *cells)
{
    char **row = slv_alloc0((t->columns + 1) * sizeof *row);

    for (size_t i = 0; i < t->columns; i++) {
        row[i] = clean(cells[i]);
        measure(t, i, row[i]);
    }
    slv_vec_push(&t->rows, row);
}

static void print_rule(const slv_table *t, FILE *out, const char *left, const char *mid,
                       const char *right)
{
    fputs(left, out);
    for (size_t i = 0; i < t->columns; i++) {
        for (size_t n = 0; n < t->widths[i] + 2; n++)
            fputs("\u2500", out);
        fputs(i + 1 < t->columns ? mid : right, out);
    }
    fputc('\n', out);
}

static void print_cells(const slv_table *t, FILE *out, char *const *cells)
{
    size_t lines = 1;

    for (size_t i = 0; i < t->columns; i++)
        if (cell_lines(cells[i]) > lines)
            lines = cell_lines(cells[i]);
    for (size_t n = 0; n < lines; n++) {
        for (size_t i = 0; i < t->columns; i++) {
            slv_str line = SLV_STR("");

            if (!cell_line(cells[i], n, &line))
                line = SLV_STR("");
            fprintf(out, "\u2502 %.*s%*s ", SLV_STR_ARGS(line),
                    (int)(t->widths[i] - text_width(line)), "");
        }
        fputs("\u2502\n", out);
    }
}

void slv_table_print(const slv_table *t, FILE *out)
{
    if (t->columns == 0)
        return;
    print_rule(t, out, "\u250c", "\u252c", "\u2510");
    print_cells(t, out, t->heads);
    for (size_t r = 0; r < t->rows.len; r++) {
        print_rule(t, out, "\u251c", "\u253c", "\u2524");
        print_cells(t, out, t->rows.items[r]);
    }
    print_rule(t, out, "\u2514", "\u2534", "\u2518");
}

/* ---- rows of JSON ---- */

static slv_code value_text(const slv_node *n, slv_buf *out)
{
    if (!n)
        return SLV_OK;
    if (n->type == SLV_NODE_STRING)
        return slv_buf_append(out, n->text);
    return slv_json_put(out, n);
}

static size_t column_of(const char *const *names, size_t count, slv_str key)
{
    for (size_t i = 0; i < count; i++)
        if (slv_str_is(key, names[i]))
            return i;
    return SIZE_MAX;
}

void slv_table_print_rows(const slv_node *rows, FILE *out)
{
    SLV_CLEANUP(slv_table_free) slv_table *t = NULL;
    char *names[SLV_TABLE_COLUMNS_MAX] = {0};
    size_t count = 0;

    if (!slv_node_is(rows, SLV_NODE_ARRAY))
        return;
    for (const slv_node *row = rows->first; row; row = row->next)
        for (const slv_node *m = row->first; m && count < SLV_TABLE_COLUMNS_MAX; m = m->next)
            if (column_of((const char *const *)names, count, m->key) == SIZE_MAX)
                names[count++] = slv_strndup(m->key.ptr, m->key.len);
    t = slv_table_new((const char *const *)names, count);
    for (const slv_node *row = rows->first; row; row = row->next) {
        slv_buf cells[SLV_TABLE_COLUMNS_MAX];
        slv_str views[SLV_TABLE_COLUMNS_MAX] = {0};

        for (size_t i = 0; i < count; i++) {
            cells[i] = SLV_BUF((size_t)16 << 20);
            if (value_text(slv_node_get(row, names[i]), &cells[i]) != SLV_OK)
                slv_buf_reset(&cells[i]);
            views[i] = slv_buf_view(&cells[i]);
        }
        slv_table_row(t, views);
        for (size_t i = 0; i < count; i++)
            slv_buf_done(&cells[i]);
    }
    slv_table_print(t, out);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
}

/* ---- progress ---- */

static void draw(slv_progress *p)
{
    if (p->total > 0) {
        uint64_t at = p->at < p->total ? p->at : p->total;
        int full = (int)(at * BAR_WIDTH / p->total);

        fprintf(stderr, "\r\033[K%s [", p->what);
        for (int i = 0; i < BAR_WIDTH; i++)
            fputc(i < full ? '#' : '.', stderr);
        fprintf(stderr, "] %3d %%", (int)(at * 100 / p->total));
    } else {
        fprintf(stderr, "\r\033[K%s %.1f MB", p->what, (double)p->at / 1e6);
    }
    p->shown = true;
    fflush(stderr);
}

void slv_progress_step(slv_progress *p, uint64_t n)
{
    uint64_t now = slv_clock_mono_ns();

    p->at += n;
    if (now - p->drawn_ns < BAR_EVERY_NS || !isatty(STDERR_FILENO))
        return;
    p->drawn_ns = now;
    draw(p);
}

void slv_progress_done(slv_progress *p)
{
    if (p->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    p->shown = false;
}
