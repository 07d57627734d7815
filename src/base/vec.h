/*
 * vec.h - SLV_VEC(T): a typed growable array for counts that we control (it aborts without memory).
 *
 *     SLV_VEC(int) v = {0};
 *     slv_vec_push(&v, 3);
 *     for (size_t i = 0; i < v.len; i++) use(v.items[i]);
 *     slv_vec_done(&v);
 */
#ifndef SLV_BASE_VEC_H
#define SLV_BASE_VEC_H

#include "base/mem.h"

#define SLV_VEC(T)                                                                                 \
    struct {                                                                                       \
        T *items;                                                                                  \
        size_t len, cap;                                                                           \
    }

#define slv_vec_push(v, value)                                                                     \
    do {                                                                                           \
        if ((v)->len == (v)->cap) {                                                                \
            (v)->cap = (v)->cap ? (v)->cap * 2 : 8;                                                \
            (v)->items = slv_realloc((v)->items, (v)->cap * sizeof *(v)->items);                   \
        }                                                                                          \
        (v)->items[(v)->len++] = (value);                                                          \
    } while (0)
#define slv_vec_pop(v) ((v)->items[--(v)->len])
/* Removes item i by moving the last one into its place. */
#define slv_vec_swap_remove(v, i)                                                                  \
    do {                                                                                           \
        (v)->len--;                                                                                \
        (v)->items[i] = (v)->items[(v)->len];                                                      \
    } while (0)
#define slv_vec_done(v)                                                                            \
    do {                                                                                           \
        free((v)->items);                                                                          \
        (v)->items = NULL;                                                                         \
        (v)->len = (v)->cap = 0;                                                                   \
    } while (0)

#endif
