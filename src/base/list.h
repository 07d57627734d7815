/*
 * list.h - intrusive doubly linked list. A node embedded in a struct is on at most one list;
 * recover the struct with slv_container_of. A zeroed node is on no list. A list head must be
 * initialised with slv_list_init.
 */
#ifndef SLV_BASE_LIST_H
#define SLV_BASE_LIST_H

#include <stdbool.h>

#include "base/attr.h"

typedef struct slv_list {
    struct slv_list *prev, *next;
} slv_list;

static inline void slv_list_init(slv_list *head)
{
    head->prev = head->next = head;
}
static inline bool slv_list_empty(const slv_list *head)
{
    return head->next == head;
}
static inline bool slv_list_linked(const slv_list *node)
{
    return node->next != NULL;
}
static inline void slv_list_push(slv_list *head, slv_list *node) /* at the end */
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}
static inline void slv_list_push_front(slv_list *head, slv_list *node)
{
    slv_list_push(head->next, node);
}
static inline void slv_list_remove(slv_list *node) /* nothing when it is on no list */
{
    if (!node->next)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = node->next = NULL;
}
static inline slv_list *slv_list_pop(slv_list *head) /* the first, NULL when empty */
{
    slv_list *node = head->next;

    if (node == head)
        return NULL;
    /* The analyzer loses track of which node an owner took off before it was freed. */
    slv_list_remove(node); /* NOLINT(clang-analyzer-unix.Malloc) */
    return node;           /* NOLINT(clang-analyzer-unix.Malloc) */
}
/* The body may remove n, nothing else. */
#define SLV_LIST_EACH(n, head)                                                                     \
    for (slv_list *n = (head)->next, *n##_next = n->next; n != (head);                             \
         n = n##_next, n##_next = n->next)

#endif
