/*
 * store_int.h - the inside of the table store. Private to dynamo.
 *
 *     dynamo.c       the file: its format, opening
 *     rows.c         items and index entries as rows, and cursors over them
 *     table.c        a table's definition as a struct and as JSON
 *     catalog.c      the tables by name
 *     item.c         an item's keys; writing it with all that follows from it
 *     answer.c       requests, and pieces of answers
 *     run_*.c        the operations
 *     sweep.c        what is due by itself
 *
 * A *space* is a number that a table or an index has for ever: rows carry it in front of their key.
 */
#ifndef SLV_DYNAMO_STORE_INT_H
#define SLV_DYNAMO_STORE_INT_H

#include "base/mem.h"
#include "dynamo/dynamo.h"
#include "dynamo/request.h"

#define SLV_DYN_CACHE_TABLES 128 /* more than a transaction has */
#define SLV_DYN_INDEXES_MAX (SLV_DYN_LSI_MAX + SLV_DYN_GSI_MAX)

/* ---- tables ---- */

typedef struct slv_dyn_keys {
    slv_dyn_key_attr hash, range;
    bool has_range;
} slv_dyn_keys;

/* Provisioned throughput: described, never enforced. */
typedef struct slv_dyn_rate {
    int64_t read, write, decreases;
    int64_t increased_ms, decreased_ms; /* 0: never */
} slv_dyn_rate;

typedef enum slv_dyn_projection_kind {
    SLV_DYN_PROJECT_ALL,
    SLV_DYN_PROJECT_KEYS,
    SLV_DYN_PROJECT_INCLUDE,
} slv_dyn_projection_kind;

typedef struct slv_dyn_index {
    int64_t space;
    slv_str name;
    bool global;
    bool building; /* being filled */
    slv_dyn_keys keys;
    slv_dyn_projection_kind projection;
    const slv_str *extra; /* NonKeyAttributes */
    size_t extra_count;
    slv_dyn_rate rate;
} slv_dyn_index;

typedef struct slv_dyn_table {
    int64_t space, generation; /* generation: of this definition */
    slv_arena arena;           /* all of it */
    slv_str name, id;          /* id: TableId, a UUID */
    int64_t created_ms;
    slv_dyn_key_attr *attrs;
    size_t attr_count;
    slv_dyn_keys keys;
    slv_dyn_index *indexes; /* local ones first */
    size_t index_count;
    slv_dyn_rate rate;
    bool on_demand;
    int64_t on_demand_ms; /* since when last; 0: never was */
    bool protected;       /* DeletionProtectionEnabled */
    slv_str ttl;          /* attribute; empty: none */
    slv_str klass;        /* TableClass; empty: not named */
    slv_str stream;       /* StreamViewType; empty: none */
    bool sse;
    uint64_t used; /* by the cache */
} slv_dyn_table;

struct slv_dynamo {
    slv_db *db;
    bool read_only;
    slv_dyn_table *tables[SLV_DYN_CACHE_TABLES]; /* least recently used ones go */
    uint64_t clock;
};

/* Reads a definition of the disk. */
SLV_NODISCARD slv_code slv_dyn_table_parse(slv_str json, slv_dyn_table **ret, slv_err *err);
/* What CreateTable was given; nothing is borrowed. Spaces are 0. */
SLV_NODISCARD slv_code slv_dyn_table_make(const slv_dyn_request *req, int64_t now_ms,
                                          slv_dyn_table **ret);
/* Copies them into the table. */
SLV_NODISCARD slv_code slv_dyn_table_set_attrs(slv_dyn_table *t, const slv_dyn_key_attr *attrs,
                                               size_t count);
/* Appends an index to a copy that is being changed. */
SLV_NODISCARD slv_code slv_dyn_table_add_index(slv_dyn_table *t, const slv_dyn_index_def *def,
                                               bool global);
/* A copy for changes. */
SLV_NODISCARD slv_code slv_dyn_table_copy(const slv_dyn_table *t, slv_dyn_table **ret,
                                          slv_err *err);
slv_dyn_table *slv_dyn_table_free(slv_dyn_table *t);
SLV_DEFINE_CLEANUP(slv_dyn_table *, slv_dyn_table_free);
/* As slv_dyn_table_parse reads it. */
SLV_NODISCARD slv_code slv_dyn_table_put(const slv_dyn_table *t, slv_buf *out);

typedef struct slv_dyn_tally {
    int64_t items, bytes;
} slv_dyn_tally;
/* TableDescription. status: "ACTIVE"; index_status: of the index of that name only (NULL: none). */
typedef struct slv_dyn_describe {
    slv_str region;
    const char *status;
    const char *indexes_status; /* of global indexes that are not building; NULL: ACTIVE */
    slv_str one_index;          /* whose status is one_status */
    const char *one_status;
    bool fresh;                 /* it was made by this request */
    bool no_globals;            /* global indexes are not shown */
    const slv_dyn_tally *tally; /* of the table, then of each index */
} slv_dyn_describe;
SLV_NODISCARD slv_code slv_dyn_table_describe(const slv_dyn_table *t, const slv_dyn_describe *d,
                                              slv_buf *out);
SLV_NODISCARD slv_code slv_dyn_put_arn(slv_buf *out, slv_str region, slv_str table, slv_str index);
/* NULL: none of that name. */
const slv_dyn_index *slv_dyn_table_index(const slv_dyn_table *t, slv_str name);
/* Type of an attribute that is defined; false: it is not. */
bool slv_dyn_table_attr(const slv_dyn_table *t, slv_str name, slv_dyn_type *ret);

/* ---- catalogue ---- */

/* Borrowed until the table itself is changed, or SLV_DYN_CACHE_TABLES others were looked up.
 * SLV_E_NOTFOUND. */
SLV_NODISCARD slv_code slv_dyn_catalog_find(slv_dynamo *d, slv_str name, const slv_dyn_table **ret,
                                            slv_err *err);
/* Gives it and its indexes (those with space 0) their spaces. The name is free. */
SLV_NODISCARD slv_code slv_dyn_catalog_add(slv_dynamo *d, slv_dyn_table *t, slv_err *err);
/* Writes a changed definition. New indexes get a space. */
SLV_NODISCARD slv_code slv_dyn_catalog_change(slv_dynamo *d, slv_dyn_table *t, slv_err *err);
/* The rows of a space are removed in time. */
SLV_NODISCARD slv_code slv_dyn_catalog_drop(slv_dynamo *d, const slv_dyn_table *t, slv_err *err);
SLV_NODISCARD slv_code slv_dyn_space_drop(slv_dynamo *d, int64_t space, slv_err *err);
SLV_NODISCARD slv_code slv_dyn_catalog_count(slv_dynamo *d, int64_t *ret, slv_err *err);
SLV_NODISCARD slv_code slv_dyn_catalog_tally(slv_dynamo *d, int64_t space, slv_dyn_tally *ret,
                                             slv_err *err);
SLV_NODISCARD slv_code slv_dyn_tally_add(slv_dynamo *d, int64_t space, int64_t items, int64_t bytes,
                                         slv_err *err);

/* ---- rows ---- */

#define SLV_DYN_HASH_BYTES 8 /* of the hash that stands before a hash key */
#define SLV_DYN_TIE_BYTES 4  /* of the hash that orders equal index keys */
#define SLV_DYN_H_MAX (SLV_DYN_HASH_BYTES + SLV_DYN_HASH_KEY_MAX)

/* Where a row stands. h: hash and hash key's bytes; r: range key's bytes. */
typedef struct slv_dyn_place {
    slv_str h, r;
} slv_dyn_place;

static inline bool slv_dyn_place_eq(const slv_dyn_place *a, const slv_dyn_place *b)
{
    return slv_str_eq(a->h, b->h) && slv_str_eq(a->r, b->r);
}

/* Of an index entry: its own place, the tie, the item's place. */
typedef struct slv_dyn_entry_place {
    slv_dyn_place at;
    slv_str tie;
    slv_dyn_place item;
} slv_dyn_entry_place;

/* Borrowed until slv_stmt_done of the statement that gave it. SLV_E_NOTFOUND: the statement is
 * done. ret_size may be NULL. */
SLV_NODISCARD slv_code slv_dyn_row_get(slv_dynamo *d, int64_t space, const slv_dyn_place *at,
                                       sqlite3_stmt **ret_st, slv_str *ret_bytes, size_t *ret_size,
                                       slv_err *err);
SLV_NODISCARD slv_code slv_dyn_row_put(slv_dynamo *d, int64_t space, const slv_dyn_place *at,
                                       size_t size, slv_str bytes, slv_err *err);
SLV_NODISCARD slv_code slv_dyn_row_delete(slv_dynamo *d, int64_t space, const slv_dyn_place *at,
                                          slv_err *err);
SLV_NODISCARD slv_code slv_dyn_entry_put(slv_dynamo *d, int64_t space,
                                         const slv_dyn_entry_place *at, size_t size, slv_str bytes,
                                         slv_err *err);
SLV_NODISCARD slv_code slv_dyn_entry_delete(slv_dynamo *d, int64_t space,
                                            const slv_dyn_entry_place *at, slv_err *err);
SLV_NODISCARD slv_code slv_dyn_expiry_put(slv_dynamo *d, int64_t space, int64_t at_s,
                                          const slv_dyn_place *at, slv_err *err);
SLV_NODISCARD slv_code slv_dyn_expiry_delete(slv_dynamo *d, int64_t space, int64_t at_s,
                                             const slv_dyn_place *at, slv_err *err);

/* A range of rows of one space. */
typedef struct slv_dyn_range {
    int64_t space;
    bool entries; /* of an index */
    bool backward;
    bool scan; /* all hash keys from low.h to below high.h; else those of low.h */
    /* From low (inclusive) to high (exclusive); with `after`, past that place only. */
    slv_dyn_place low, high;
    bool after;
    slv_dyn_entry_place start; /* of an item: start.at */
} slv_dyn_range;
typedef struct slv_dyn_row {
    slv_str bytes;
    slv_dyn_place item; /* of entries: where the whole item stands */
} slv_dyn_row;
/* SLV_OK, then step until SLV_E_NOTFOUND, then slv_stmt_done. The range stays in place. */
SLV_NODISCARD slv_code slv_dyn_range_open(slv_dynamo *d, const slv_dyn_range *range,
                                          slv_arena *arena, sqlite3_stmt **ret, slv_err *err);
SLV_NODISCARD slv_code slv_dyn_range_step(slv_dynamo *d, const slv_dyn_range *range,
                                          sqlite3_stmt *st, slv_dyn_row *ret, slv_err *err);
/* The least key bytes above these. */
SLV_NODISCARD slv_code slv_dyn_behind(slv_arena *arena, slv_str key, slv_str *ret);
/* Above every range key. */
slv_str slv_dyn_range_end(void);

/* ---- items ---- */

/* Where an item, or a key of that table, stands. The key was checked. In the arena. */
SLV_NODISCARD slv_code slv_dyn_place_of(slv_arena *arena, const slv_dyn_keys *keys,
                                        const slv_dyn_value *item, slv_dyn_place *ret);
/* Of an item in an index. *ret_in false: it has no entry there. */
SLV_NODISCARD slv_code slv_dyn_entry_place_of(slv_arena *arena, const slv_dyn_table *t,
                                              const slv_dyn_index *x, const slv_dyn_value *item,
                                              slv_dyn_entry_place *ret, bool *ret_in);
/* The first bytes of the hash of a key. */
void slv_dyn_hash(slv_str hash_key, slv_str range_key, uint8_t *out, size_t len);
/* Whether an index keeps an attribute; names: what slv_dyn_key_names says of it. */
bool slv_dyn_index_carries(const slv_dyn_index *x, const slv_str *names, size_t count,
                           slv_str name);
/* What an index keeps of an item. Shares its values. */
SLV_NODISCARD slv_code slv_dyn_index_project(slv_arena *arena, const slv_dyn_table *t,
                                             const slv_dyn_index *x, const slv_dyn_value *item,
                                             slv_dyn_value *ret);
/* Names of the attributes of LastEvaluatedKey: the table's keys and the index's (NULL: none).
 * Returns how many. */
size_t slv_dyn_key_names(const slv_dyn_table *t, const slv_dyn_index *x, slv_str out[4]);

/* Write units of 1 KB: of the table and of each of its indexes. */
typedef struct slv_dyn_written {
    int64_t table;
    int64_t index[SLV_DYN_INDEXES_MAX];
} slv_dyn_written;

/* What stands at a place. NULL: nothing. The tree is in the scope's arena. */
SLV_NODISCARD slv_code slv_dyn_item_read(slv_dynamo *d, slv_dyn_scope *sc, const slv_dyn_table *t,
                                         const slv_dyn_place *at, slv_dyn_value **ret,
                                         slv_err *err);
/* before becomes after; either may be NULL. Adds the units that it takes. */
SLV_NODISCARD slv_code slv_dyn_item_write(slv_dynamo *d, slv_arena *arena, const slv_dyn_table *t,
                                          const slv_dyn_place *at, const slv_dyn_value *before,
                                          const slv_dyn_value *after, slv_dyn_written *units,
                                          slv_err *err);
/* One entry of an index that is being filled; nothing when it is there. */
SLV_NODISCARD slv_code slv_dyn_entry_fill(slv_dynamo *d, slv_arena *arena, const slv_dyn_table *t,
                                          const slv_dyn_index *x, const slv_dyn_value *item,
                                          slv_err *err);
/* When the item ends, in seconds. False: it does not. */
bool slv_dyn_item_expiry(const slv_dyn_table *t, const slv_dyn_value *item, int64_t *ret_s);

static inline int64_t slv_dyn_units_of(size_t bytes, size_t unit)
{
    return bytes == 0 ? 1 : (int64_t)((bytes + unit - 1) / unit);
}

/* ---- requests ---- */

struct slv_dynamo_request {
    slv_arena arena; /* what was parsed */
    slv_arena work;  /* of one run */
    slv_dyn_scope scope;
    slv_dyn_operation op;
    bool known; /* op is one */
    bool done;
    slv_dyn_request req;
    slv_str region;
    int64_t now_ms;
    size_t budget; /* bytes that a run may read; 0: any */
    bool is_plain; /* the answer's items are */
    slv_dyn_plain plain;
    int status;
    slv_buf out;
};

/* Makes the JSON of a request in the arena. SLV_E_INVAL: it cannot. */
typedef slv_code (*slv_dyn_make_fn)(void *arg, slv_arena *arena, slv_node **ret);
/* A request whose answer is plain, from what make() makes. NULL: make() cannot. */
slv_dynamo_request *slv_dyn_request_plain(slv_dyn_operation op, slv_dyn_make_fn make, void *arg,
                                          const slv_dynamo_origin *origin);

/* One run of a request. */
typedef struct slv_dyn_run {
    slv_dynamo *d;
    slv_dynamo_request *r;
    const slv_dyn_request *req;
    slv_dyn_scope *sc; /* its arena is r->work */
    slv_buf *out;
    slv_err *err;
    size_t read; /* bytes */
} slv_dyn_run;

typedef slv_code (*slv_dyn_run_fn)(slv_dyn_run *x);

slv_code slv_dyn_run_create_table(slv_dyn_run *x);
slv_code slv_dyn_run_delete_table(slv_dyn_run *x);
slv_code slv_dyn_run_describe_table(slv_dyn_run *x);
slv_code slv_dyn_run_list_tables(slv_dyn_run *x);
slv_code slv_dyn_run_update_table(slv_dyn_run *x);
slv_code slv_dyn_run_describe_ttl(slv_dyn_run *x);
slv_code slv_dyn_run_update_ttl(slv_dyn_run *x);
slv_code slv_dyn_run_tag(slv_dyn_run *x);
slv_code slv_dyn_run_untag(slv_dyn_run *x);
slv_code slv_dyn_run_list_tags(slv_dyn_run *x);
slv_code slv_dyn_run_backups(slv_dyn_run *x);
slv_code slv_dyn_run_limits(slv_dyn_run *x);
slv_code slv_dyn_run_endpoints(slv_dyn_run *x);
slv_code slv_dyn_run_get(slv_dyn_run *x);
slv_code slv_dyn_run_write(slv_dyn_run *x);
slv_code slv_dyn_run_query(slv_dyn_run *x);
slv_code slv_dyn_run_scan(slv_dyn_run *x);
slv_code slv_dyn_run_batch_get(slv_dyn_run *x);
slv_code slv_dyn_run_batch_write(slv_dyn_run *x);
slv_code slv_dyn_run_transact_get(slv_dyn_run *x);
slv_code slv_dyn_run_transact_write(slv_dyn_run *x);

/* The table of a request on items; ResourceNotFoundException otherwise. */
SLV_NODISCARD slv_code slv_dyn_run_table(slv_dyn_run *x, slv_str name, const slv_dyn_table **ret);
/* SLV_E_AGAIN when that is more than the run may read. */
SLV_NODISCARD slv_code slv_dyn_run_reads(slv_dyn_run *x, size_t bytes);
/* Checks a key against the table's schema and finds its place. */
SLV_NODISCARD slv_code slv_dyn_run_place(slv_dyn_run *x, const slv_dyn_table *t,
                                         const slv_dyn_value *key, slv_dyn_place *ret);

/* One write, first looked at, then done: what a transaction does for all before any. */
typedef struct slv_dyn_change {
    const slv_dyn_item_request *item;
    const slv_dyn_table *t;
    slv_dyn_place at;
    slv_dyn_value *before; /* NULL: nothing */
    slv_dyn_value *after;  /* NULL: removed */
    bool failed;           /* its condition does not hold */
    bool write;            /* it changes something (ConditionCheck does not) */
    slv_dyn_written units;
} slv_dyn_change;
/* Reads, checks, applies. SLV_OK with failed set, or the change made ready. */
SLV_NODISCARD slv_code slv_dyn_change_plan(slv_dyn_run *x, const slv_dyn_item_request *item,
                                           slv_dyn_change *ret);
SLV_NODISCARD slv_code slv_dyn_change_make(slv_dyn_run *x, slv_dyn_change *c);

/* Key attributes, of the table and its indexes, have no inside. */
SLV_NODISCARD slv_code slv_dyn_check_path(slv_dyn_run *x, const slv_dyn_table *t,
                                          const slv_dyn_path *path);
SLV_NODISCARD slv_code slv_dyn_check_paths(slv_dyn_run *x, const slv_dyn_table *t,
                                           const slv_dyn_paths *paths);
/* All paths of a condition. */
SLV_NODISCARD slv_code slv_dyn_check_condition(slv_dyn_run *x, const slv_dyn_table *t,
                                               const slv_dyn_expr *condition);
/* Appends what a GET finds, as a member `name` or (NULL) an element. *ret_size: of the whole item.
 */
SLV_NODISCARD slv_code slv_dyn_get_put(slv_dyn_run *x, const slv_dyn_table *t,
                                       const slv_dyn_item_request *item, const char *name,
                                       bool *ret_found, size_t *ret_size);

/* ---- what takes long ---- */

/* Goes on filling an index, or the expiry rows of a table (space: its own), by `rows` rows. */
SLV_NODISCARD slv_code slv_dyn_build_some(slv_dynamo *d, const slv_dyn_table *t, int64_t space,
                                          unsigned rows, bool *ret_over, slv_err *err);

/* ---- pieces of answers ---- */

/* An item, in the form that the answer has. */
SLV_NODISCARD slv_code slv_dyn_run_put_item(slv_dyn_run *x, const slv_dyn_value *item);
SLV_NODISCARD slv_code slv_dyn_run_put_bytes(slv_dyn_run *x, slv_str bytes);
/* A comma unless it is the first member behind a brace or bracket. */
SLV_NODISCARD slv_code slv_dyn_put_comma(slv_buf *out);
/* ,"NAME": */
SLV_NODISCARD slv_code slv_dyn_put_name(slv_buf *out, const char *name);
/* Half units as a number: 1.5 */
SLV_NODISCARD slv_code slv_dyn_put_units(slv_buf *out, int64_t halves);
/* Seconds with milliseconds, as timestamps of the API are. */
SLV_NODISCARD slv_code slv_dyn_put_time(slv_buf *out, int64_t ms);
/* Capacity that an operation took of a table, in half units. */
typedef struct slv_dyn_consumed {
    const slv_dyn_table *t;
    int64_t table;
    int64_t index[SLV_DYN_INDEXES_MAX];
    bool touched[SLV_DYN_INDEXES_MAX]; /* the index is named */
    bool reads, writes; /* of transactions: the sum is named as the one or the other as well */
} slv_dyn_consumed;
void slv_dyn_consumed_add(slv_dyn_consumed *c, const slv_dyn_written *units, int64_t factor);
/* {"TableName":...}; detail: INDEXES */
SLV_NODISCARD slv_code slv_dyn_put_consumed(slv_buf *out, const slv_dyn_consumed *c, bool detail);
/* {"ItemCollectionKey":...,"SizeEstimateRangeGB":[..]} */
SLV_NODISCARD slv_code slv_dyn_put_collection(slv_dyn_run *x, const slv_dyn_table *t,
                                              const slv_dyn_place *at, const slv_dyn_value *item,
                                              slv_buf *out);
/* Whether the table has local indexes, so that there are item collections. */
bool slv_dyn_has_collections(const slv_dyn_table *t);

#endif
