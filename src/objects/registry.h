/*
 * registry.h - what main knows of a tenant's Durable Objects without opening them: epochs, names,
 * alarms, which were open, and how far the migrations of each worker have gone.
 *
 * An object has a row from its first residence on. `epoch` counts its residences. A row that is
 * open when the registry is opened anew belongs to an object that main left without a word: its
 * database may have an alarm that is not here yet (slv_registry_left_open).
 *
 * An alarm has two times: the one that the object set, which it is told, and when main will try
 * next, which is later after a failure.
 *
 * Format: TENANT/do/registry.sqlite, see registry.c. Threading and transactions: those of
 * store/db.h; writes are made in a transaction of the caller's, who syncs.
 */
#ifndef SLV_OBJECTS_REGISTRY_H
#define SLV_OBJECTS_REGISTRY_H

#include "base/err.h"
#include "base/str.h"
#include "store/db.h"

#define SLV_REGISTRY_NO_ALARM ((int64_t)-1)

typedef struct slv_registry slv_registry;

SLV_NODISCARD slv_code slv_registry_open(const char *path, bool create, bool read_only,
                                         slv_registry **ret, slv_err *err);
/* Accepts NULL, returns NULL. */
slv_registry *slv_registry_free(slv_registry *r);
SLV_DEFINE_CLEANUP(slv_registry *, slv_registry_free);
slv_db *slv_registry_db(slv_registry *r);

typedef struct slv_registry_alarm {
    int64_t set_ms;  /* SLV_REGISTRY_NO_ALARM: none */
    int64_t next_ms; /* when to try */
    uint32_t retries;
} slv_registry_alarm;

typedef struct slv_registry_row {
    slv_str key, id, name; /* key: of the class; borrowed until the next call */
    bool named;
    uint64_t epoch;
    slv_registry_alarm alarm;
} slv_registry_row;

/* The object is about to be given to an isolate: a new epoch. A name, once known, is kept; *ret
 * tells it. */
SLV_NODISCARD slv_code slv_registry_enter(slv_registry *r, slv_str key, slv_str id, bool named,
                                          slv_str name, slv_registry_row *ret, slv_err *err);
/* It has been given back in good order. */
SLV_NODISCARD slv_code slv_registry_leave(slv_registry *r, slv_str key, slv_str id, slv_err *err);
SLV_NODISCARD slv_code slv_registry_set_alarm(slv_registry *r, slv_str key, slv_str id,
                                              const slv_registry_alarm *alarm, slv_err *err);

typedef void (*slv_registry_each)(void *arg, const slv_registry_row *row);
/* Every object with an alarm; every object that is open. */
SLV_NODISCARD slv_code slv_registry_alarms(slv_registry *r, slv_registry_each each, void *arg,
                                           slv_err *err);
SLV_NODISCARD slv_code slv_registry_left_open(slv_registry *r, slv_registry_each each, void *arg,
                                              slv_err *err);
/* Every object of a class, in the order of ids. */
SLV_NODISCARD slv_code slv_registry_list(slv_registry *r, slv_str key, slv_registry_each each,
                                         void *arg, slv_err *err);
/* Forgets every object of a class. */
SLV_NODISCARD slv_code slv_registry_drop_class(slv_registry *r, slv_str key, slv_err *err);

/* The last migration that a worker's classes have gone through; SLV_E_NOTFOUND: none. Borrowed
 * until the next call. */
SLV_NODISCARD slv_code slv_registry_tag(slv_registry *r, slv_str worker, slv_str *ret,
                                        slv_err *err);
SLV_NODISCARD slv_code slv_registry_set_tag(slv_registry *r, slv_str worker, slv_str tag,
                                            slv_err *err);

#endif
