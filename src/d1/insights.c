/*
 * The file: a line "selvage d1 insights 1", then for each statement and hour a line
 *
 *     HOUR COUNT MICROSECONDS READ WRITTEN RETURNED "text as a JSON string"
 *
 * HOUR counts hours since 1970. It appears whole or not at all (written aside, renamed) and is not
 * synced.
 */
#include "d1/insights.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "fmt/json.h"
#include "store/usersql.h"

#define HEAD "selvage d1 insights 1\n"
#define HOUR_MS ((int64_t)3600000)
#define FINE_HOURS 48
#define KEPT_HOURS ((int64_t)24 * SLV_D1_INSIGHT_DAYS)
#define FILE_MAX ((size_t)64 << 20)
#define PATH_BYTES 4096

typedef struct slice {
    int64_t hour;
    slv_d1_cost cost;
} slice;

typedef struct statement {
    slv_str text; /* owned */
    bool reads;
    SLV_VEC(slice) slices; /* oldest first */
} statement;

struct slv_d1_insights {
    pthread_mutex_t lock;
    char *path;
    SLV_MAP(statement *) by_text;
    SLV_MAP(statement *) by_sql; /* texts as they were given: saves taking them apart */
    bool changed;
    int64_t saved_ms;
};

/* ---- texts ---- */

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '$' || (unsigned char)c >= 0x80;
}

/* Past a quoted text that begins at `at`. */
static size_t past_quoted(slv_str s, size_t at, char end)
{
    for (at++; at < s.len; at++) {
        if (s.ptr[at] != end)
            continue;
        if (at + 1 >= s.len || s.ptr[at + 1] != end || end == ']')
            return at + 1;
        at++;
    }
    return s.len;
}

/* Past a comment, or `at` itself. */
static size_t past_comment(slv_str s, size_t at)
{
    if (at + 1 >= s.len)
        return at;
    if (s.ptr[at] == '-' && s.ptr[at + 1] == '-') {
        size_t end = slv_str_chr(s, '\n', at);

        return end == SIZE_MAX ? s.len : end;
    }
    if (s.ptr[at] == '/' && s.ptr[at + 1] == '*') {
        size_t end = slv_str_find(s, SLV_STR("*/"), at + 2);

        return end == SIZE_MAX ? s.len : end + 2;
    }
    return at;
}

static size_t past_number(slv_str s, size_t at)
{
    size_t from = at;

    while (at < s.len &&
           (is_word(s.ptr[at]) || s.ptr[at] == '.' ||
            ((s.ptr[at] == '+' || s.ptr[at] == '-') && at > from &&
             (s.ptr[at - 1] == 'e' || s.ptr[at - 1] == 'E') && s.ptr[from + 1] != 'x')))
        at++;
    return at;
}

/* What stands at `at`, as it is grouped: *ret_end is where it ends. */
static slv_str piece_at(slv_str s, size_t at, size_t *ret_end)
{
    char c = s.ptr[at];
    bool digit = c >= '0' && c <= '9';

    if (c == '\'') {
        *ret_end = past_quoted(s, at, '\'');
        return SLV_STR("?");
    }
    if ((c == 'x' || c == 'X') && at + 1 < s.len && s.ptr[at + 1] == '\'') {
        *ret_end = past_quoted(s, at + 1, '\'');
        return SLV_STR("?");
    }
    if (digit || (c == '.' && at + 1 < s.len && s.ptr[at + 1] >= '0' && s.ptr[at + 1] <= '9')) {
        *ret_end = past_number(s, at);
        return SLV_STR("?");
    }
    *ret_end = at + 1;
    if (c == '"' || c == '`' || c == '[') {
        *ret_end = past_quoted(s, at, c == '[' ? ']' : c);
    } else if (is_word(c) || c == '?' || c == ':' || c == '@') {
        while (*ret_end < s.len && is_word(s.ptr[*ret_end]))
            (*ret_end)++;
    }
    return slv_str_sub(s, at, *ret_end);
}

slv_code slv_d1_insights_normalise(slv_str s, slv_buf *out)
{
    bool gap = false;
    size_t at = 0, end;

    slv_buf_reset(out);
    while (at < s.len && out->len < SLV_D1_INSIGHT_TEXT_MAX) {
        end = past_comment(s, at);
        if (end > at || is_blank(s.ptr[at])) {
            gap = true;
            at = end > at ? end : at + 1;
            continue;
        }
        slv_str piece = piece_at(s, at, &end);
        if (gap && out->len > 0)
            SLV_TRY(slv_buf_append_byte(out, ' '));
        gap = false;
        SLV_TRY(slv_buf_append(out, slv_str_sub(piece, 0,
                                                SLV_D1_INSIGHT_TEXT_MAX + 1 -
                                                    SLV_MIN(out->len, SLV_D1_INSIGHT_TEXT_MAX))));
        at = end;
    }
    while (out->len > 0 && (out->ptr[out->len - 1] == ';' || out->ptr[out->len - 1] == ' '))
        out->len--;
    if (out->len > SLV_D1_INSIGHT_TEXT_MAX) {
        out->len = SLV_D1_INSIGHT_TEXT_MAX;
        while (out->len > 0 && ((unsigned char)out->ptr[out->len] & 0xc0) == 0x80)
            out->len--; /* not inside of a character */
    }
    return SLV_OK;
}

/* ---- statements ---- */

static void statement_free(statement *s)
{
    slv_vec_done(&s->slices);
    free((void *)(size_t)s->text.ptr);
    free(s);
}

static int64_t last_hour(const statement *s)
{
    return s->slices.len > 0 ? s->slices.items[s->slices.len - 1].hour : 0;
}

/* The one that was not run for longest goes. */
static void make_room(slv_d1_insights *ins)
{
    size_t oldest = 0;

    if (ins->by_text.len < SLV_D1_INSIGHTS_MAX)
        return;
    for (size_t i = 1; i < ins->by_text.len; i++) {
        if (last_hour(ins->by_text.values[i]) < last_hour(ins->by_text.values[oldest]))
            oldest = i;
    }
    statement *s = ins->by_text.values[oldest];
    slv_map_done(&ins->by_sql);
    (void)slv_map_remove(&ins->by_text, s->text);
    statement_free(s);
}

static statement *statement_of(slv_d1_insights *ins, slv_str text)
{
    statement **found = slv_map_get(&ins->by_text, text);

    if (found)
        return *found;
    make_room(ins);
    statement *s = slv_new0(statement);
    s->text = slv_str_make(slv_strndup(text.ptr, text.len), text.len);
    s->reads = slv_usersql_looks_read(s->text);
    slv_map_set(&ins->by_text, s->text, s);
    return s;
}

static void add_cost(slv_d1_cost *to, const slv_d1_cost *more)
{
    to->count += more->count;
    to->us += more->us;
    to->rows_read += more->rows_read;
    to->rows_written += more->rows_written;
    to->rows_returned += more->rows_returned;
}

/* Hours that are over for long become days, and days go. */
static void thin_out(statement *s, int64_t now)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->slices.len; i++) {
        slice one = s->slices.items[i];

        if (one.hour <= now - KEPT_HOURS)
            continue;
        if (one.hour <= now - FINE_HOURS)
            one.hour -= one.hour % 24;
        if (kept > 0 && s->slices.items[kept - 1].hour == one.hour)
            add_cost(&s->slices.items[kept - 1].cost, &one.cost);
        else
            s->slices.items[kept++] = one;
    }
    s->slices.len = kept;
}

static void add_at(statement *s, int64_t hour, const slv_d1_cost *cost)
{
    if (s->slices.len == 0 || last_hour(s) < hour) {
        thin_out(s, hour);
        slv_vec_push(&s->slices, ((slice){.hour = hour}));
    }
    add_cost(&s->slices.items[s->slices.len - 1].cost, cost);
}

void slv_d1_insights_add(slv_d1_insights *ins, slv_str sql, const slv_d1_cost *cost, int64_t now_ms)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(2 * SLV_D1_INSIGHT_TEXT_MAX);
    bool known = sql.len <= SLV_D1_INSIGHT_TEXT_MAX;

    pthread_mutex_lock(&ins->lock);
    statement **found = known ? slv_map_get(&ins->by_sql, sql) : NULL;
    statement *s = found ? *found : NULL;
    if (!s && slv_d1_insights_normalise(sql, &text) == SLV_OK) {
        s = statement_of(ins, slv_buf_view(&text));
        if (known && ins->by_sql.len >= SLV_D1_INSIGHTS_MAX)
            slv_map_done(&ins->by_sql);
        if (known)
            slv_map_set(&ins->by_sql, sql, s);
    }
    if (s)
        add_at(s, now_ms / HOUR_MS, cost);
    ins->changed = true;
    pthread_mutex_unlock(&ins->lock);
}

/* ---- the file ---- */

static bool path_of(const slv_d1_insights *ins, const char *suffix, char out[static PATH_BYTES])
{
    return snprintf(out, PATH_BYTES, "%s.insights%s", ins->path, suffix) < PATH_BYTES;
}

static slv_code put_file(const slv_d1_insights *ins, slv_buf *out)
{
    SLV_TRY(slv_buf_append(out, SLV_STR(HEAD)));
    SLV_MAP_EACH (&ins->by_text, i) {
        const statement *s = ins->by_text.values[i];

        for (size_t k = 0; k < s->slices.len; k++) {
            const slice *one = &s->slices.items[k];

            SLV_TRY(slv_buf_printf(
                out, "%" PRId64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " ",
                one->hour, one->cost.count, one->cost.us, one->cost.rows_read,
                one->cost.rows_written, one->cost.rows_returned));
            SLV_TRY(slv_json_put_string(out, s->text));
            SLV_TRY(slv_buf_append_byte(out, '\n'));
        }
    }
    return SLV_OK;
}

static void save(slv_d1_insights *ins)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(FILE_MAX);
    char path[PATH_BYTES], aside[PATH_BYTES];

    ins->changed = false;
    if (!path_of(ins, "", path) || !path_of(ins, ".new", aside) || put_file(ins, &out) != SLV_OK)
        return;
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return;
    bool whole = write(fd, out.ptr, out.len) == (ssize_t)out.len;
    (void)close(fd);
    if (!whole || rename(aside, path) != 0)
        (void)unlink(aside);
}

static bool read_number(slv_str *line, uint64_t *ret)
{
    size_t end = slv_str_chr(*line, ' ', 0);

    if (end == SIZE_MAX || slv_parse_u64(slv_str_sub(*line, 0, end), ret) != SLV_OK)
        return false;
    *line = slv_str_skip(*line, end + 1);
    return true;
}

static void read_line(slv_d1_insights *ins, slv_str line)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 10);
    uint64_t hour;
    slv_d1_cost c;
    slv_node *text;

    if (!read_number(&line, &hour) || !read_number(&line, &c.count) || !read_number(&line, &c.us) ||
        !read_number(&line, &c.rows_read) || !read_number(&line, &c.rows_written) ||
        !read_number(&line, &c.rows_returned) || hour > INT32_MAX ||
        slv_json_parse(line, SLV_JSON_STRICT, &arena, &text, NULL) != SLV_OK ||
        text->type != SLV_NODE_STRING || text->text.len > SLV_D1_INSIGHT_TEXT_MAX)
        return;
    add_at(statement_of(ins, text->text), (int64_t)hour, &c);
}

static void read_file(slv_d1_insights *ins)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(FILE_MAX);
    char path[PATH_BYTES];

    if (!path_of(ins, "", path) || slv_file_read(path, &bytes, NULL) != SLV_OK)
        return;
    slv_str rest = slv_buf_view(&bytes);
    if (!slv_str_starts(rest, SLV_STR(HEAD)))
        return;
    rest = slv_str_skip(rest, sizeof HEAD - 1);
    while (rest.len > 0) {
        size_t end = slv_str_chr(rest, '\n', 0);

        if (end == SIZE_MAX)
            return;
        read_line(ins, slv_str_sub(rest, 0, end));
        rest = slv_str_skip(rest, end + 1);
    }
}

/* ---- life ---- */

slv_d1_insights *slv_d1_insights_open(const char *path)
{
    slv_d1_insights *ins = slv_new0(slv_d1_insights);

    pthread_mutex_init(&ins->lock, NULL);
    ins->path = slv_strdup(path);
    read_file(ins);
    return ins;
}

void slv_d1_insights_keep(slv_d1_insights *ins, int64_t now_ms)
{
    pthread_mutex_lock(&ins->lock);
    if (ins->saved_ms == 0)
        ins->saved_ms = now_ms;
    if (ins->changed && now_ms - ins->saved_ms >= SLV_D1_INSIGHTS_SAVE_MS) {
        ins->saved_ms = now_ms;
        save(ins);
    }
    pthread_mutex_unlock(&ins->lock);
}

slv_d1_insights *slv_d1_insights_close(slv_d1_insights *ins)
{
    if (!ins)
        return NULL;
    if (ins->changed)
        save(ins);
    SLV_MAP_EACH (&ins->by_text, i)
        statement_free(ins->by_text.values[i]);
    slv_map_done(&ins->by_text);
    slv_map_done(&ins->by_sql);
    pthread_mutex_destroy(&ins->lock);
    free(ins->path);
    free(ins);
    return NULL;
}

/* ---- what it says ---- */

typedef struct group {
    slv_str text;
    slv_d1_cost cost;
    double rank;
} group;

static double rank_of(const slv_d1_cost *c, const slv_d1_insights_ask *ask)
{
    const uint64_t of[] = {c->us, c->rows_read, c->rows_written, c->rows_returned, c->count};
    double value = (double)of[ask->order];

    return ask->average && ask->order != SLV_D1_BY_COUNT ? value / (double)c->count : value;
}

static int by_rank(const void *a, const void *b)
{
    double x = ((const group *)a)->rank, y = ((const group *)b)->rank;

    return x < y ? 1 : x > y ? -1 : slv_str_cmp(((const group *)a)->text, ((const group *)b)->text);
}

static slv_code put_figures(slv_buf *out, const char *name, const slv_d1_cost *c, double n)
{
    return slv_buf_printf(out,
                          "\"%s\":{\"queryDurationMs\":%.6g,\"rowsRead\":%.10g,"
                          "\"rowsWritten\":%.10g,\"rowsReturned\":%.10g},",
                          name, (double)c->us / 1000 / n, (double)c->rows_read / n,
                          (double)c->rows_written / n, (double)c->rows_returned / n);
}

static slv_code put_group(slv_buf *out, const group *g)
{
    SLV_TRY(slv_buf_append_byte(out, '{'));
    SLV_TRY(put_figures(out, "sum", &g->cost, 1));
    SLV_TRY(put_figures(out, "avg", &g->cost, (double)g->cost.count));
    SLV_TRY(slv_buf_printf(out, "\"count\":%" PRIu64 ",\"dimensions\":{\"query\":", g->cost.count));
    SLV_TRY(slv_json_put_string(out, g->text));
    return slv_buf_append(out, SLV_STR("}}"));
}

static bool is_asked_for(const slice *one, const slv_d1_insights_ask *ask)
{
    int64_t ms = one->hour * HOUR_MS;

    return ms + HOUR_MS > ask->from_ms && ms <= ask->to_ms;
}

static slv_code put_statements(slv_d1_insights *ins, const slv_d1_insights_ask *ask, slv_buf *out)
{
    group *groups = slv_alloc(SLV_MAX(ins->by_text.len, (size_t)1) * sizeof *groups);
    slv_code code = SLV_OK;
    size_t n = 0;

    SLV_MAP_EACH (&ins->by_text, i) {
        const statement *s = ins->by_text.values[i];
        group g = {.text = s->text};

        for (size_t k = 0; k < s->slices.len; k++) {
            if (is_asked_for(&s->slices.items[k], ask))
                add_cost(&g.cost, &s->slices.items[k].cost);
        }
        if (g.cost.count == 0)
            continue;
        g.rank = ask->ascending ? -rank_of(&g.cost, ask) : rank_of(&g.cost, ask);
        groups[n++] = g;
    }
    qsort(groups, n, sizeof *groups, by_rank);
    for (size_t i = 0; code == SLV_OK && i < n && i < ask->limit; i++) {
        if (i > 0)
            code = slv_buf_append_byte(out, ',');
        if (code == SLV_OK)
            code = put_group(out, &groups[i]);
    }
    free(groups);
    return code;
}

typedef struct hour_total {
    uint64_t reads, writes, rows_read, rows_written;
} hour_total;

static slv_code put_hour(slv_buf *out, int64_t hour, const hour_total *t, bool first)
{
    time_t seconds = (time_t)(hour * 3600);
    struct tm tm;
    char text[40];

    strftime(text, sizeof text, "%Y-%m-%dT%H:00:00Z", gmtime_r(&seconds, &tm));
    return slv_buf_printf(
        out,
        "%s{\"sum\":{\"readQueries\":%" PRIu64 ",\"writeQueries\":%" PRIu64 ",\"rowsRead\":%" PRIu64
        ",\"rowsWritten\":%" PRIu64 "},\"dimensions\":{\"datetimeHour\":\"%s\"}}",
        first ? "" : ",", t->reads, t->writes, t->rows_read, t->rows_written, text);
}

static slv_code put_totals(slv_d1_insights *ins, const slv_d1_insights_ask *ask, slv_buf *out)
{
    int64_t from = SLV_MAX(ask->from_ms / HOUR_MS, (int64_t)0), to = ask->to_ms / HOUR_MS;
    uint32_t told = 0;

    from = SLV_MAX(from, to - KEPT_HOURS);
    for (int64_t hour = from; hour <= to && told < ask->limit; hour++) {
        hour_total t = {0};

        SLV_MAP_EACH (&ins->by_text, i) {
            const statement *s = ins->by_text.values[i];

            for (size_t k = 0; k < s->slices.len; k++) {
                const slice *one = &s->slices.items[k];

                if (one->hour != hour)
                    continue;
                *(s->reads ? &t.reads : &t.writes) += one->cost.count;
                t.rows_read += one->cost.rows_read;
                t.rows_written += one->cost.rows_written;
            }
        }
        if (t.reads + t.writes == 0)
            continue;
        SLV_TRY(put_hour(out, hour, &t, told++ == 0));
    }
    return SLV_OK;
}

slv_code slv_d1_insights_put(slv_d1_insights *ins, const slv_d1_insights_ask *ask, slv_buf *out)
{
    slv_code code = slv_buf_append_byte(out, '[');

    pthread_mutex_lock(&ins->lock);
    if (code == SLV_OK)
        code = ask->totals ? put_totals(ins, ask, out) : put_statements(ins, ask, out);
    pthread_mutex_unlock(&ins->lock);
    return code == SLV_OK ? slv_buf_append_byte(out, ']') : code;
}
