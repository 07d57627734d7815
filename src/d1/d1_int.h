/*
 * d1_int.h - the layout of a database handle, and what handles on one file share. Private to d1.
 */
#ifndef SLV_D1_D1_INT_H
#define SLV_D1_D1_INT_H

#include "d1/d1.h"
#include "d1/insights.h"
#include "d1/log.h"
#include "store/usersql.h"

/* Keys of _cf_METADATA. */
enum { META_NAME = 1, META_CREATED = 2, META_IDENTITY = 3 };

#define D1_IDENTITY_LEN 32 /* hex digits */

/* What the writer tells the readers of the same file: one for each path that is open. */
typedef struct d1_board {
    struct d1_board *next;
    char *path;
    unsigned refs;
    int64_t last_row_id;
    uint32_t segment, frame;
    slv_d1_insights *insights;
} d1_board;

struct slv_d1 {
    slv_db *db;
    slv_usersql *sql;
    d1_board *board;
    char *path;
    char identity[D1_IDENTITY_LEN + 1];
    bool read_only;
    uint32_t data_version; /* of size_after; 0: none */
    uint64_t size_after;
    slv_str message; /* static text, or usersql's */
    slv_buf own_message;
    d1_log *log; /* of the writer; NULL in a reader */
};

d1_board *slv_d1_board_ref(const char *path);
d1_board *slv_d1_board_unref(d1_board *b);
void slv_d1_board_write(d1_board *b, int64_t last_row_id, uint32_t segment, uint32_t frame);
void slv_d1_board_read(d1_board *b, int64_t *ret_last_row_id, uint32_t *ret_segment,
                       uint32_t *ret_frame);

/* Ends the writer's transaction; deferred constraints may refuse. */
slv_code slv_d1_commit(slv_d1 *d1, slv_err *err);
/* Size and last row id as they are now. */
slv_code slv_d1_figures(slv_d1 *d1, slv_d1_meta *ret, slv_err *err);
/* The writer's, after a commit: tells the other handles. */
SLV_NODISCARD slv_code slv_d1_tell(slv_d1 *d1, slv_err *err);
/* Fails with a text for the user. */
slv_code slv_d1_say(slv_d1 *d1, slv_err *err, slv_code code, slv_str text);

#endif
