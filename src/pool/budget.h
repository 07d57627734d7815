/*
 * budget.h - what the isolates of a server may take together: how many there may be, of one account
 * and of all, and how much memory.
 *
 * One for a server, shared by the pools of its loops. The pools ask before they start a further
 * isolate and tell what theirs use; each acts on its own: at a cap it stops an isolate that has
 * nothing to do, or lets events from outside wait; under pressure its spares go first, then app
 * zygotes without instances, then idle isolates, those longest idle first.
 *
 * Threading: new and free while no pool has it; everything else on any thread.
 */
#ifndef SLV_POOL_BUDGET_H
#define SLV_POOL_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

typedef struct slv_budget slv_budget;

#define SLV_BUDGET_ISOLATES 256      /* of the server */
#define SLV_BUDGET_ACCOUNT 64        /* of one account */
#define SLV_BUDGET_MEMORY_PERCENT 75 /* of the machine's memory, or of the cgroup's */

typedef struct slv_budget_options {
    unsigned isolates, account_isolates; /* 0: as above */
    uint64_t memory_bytes;               /* 0: as above */
    uint64_t account_memory_bytes;       /* 0: no limit but that of all */
} slv_budget_options;

slv_budget *slv_budget_new(const slv_budget_options *options);
slv_budget *slv_budget_free(slv_budget *budget); /* accepts NULL, returns NULL */

typedef enum slv_budget_room {
    SLV_BUDGET_ROOM,
    SLV_BUDGET_ACCOUNT_FULL,
    SLV_BUDGET_SERVER_FULL,
} slv_budget_room;

slv_budget_room slv_budget_room_for(slv_budget *budget, slv_str account);
/* An isolate of the account begins (1) or is over (-1). Those that may not be refused are counted
 * too. */
void slv_budget_count(slv_budget *budget, slv_str account, int delta);

/* A pool's own line in the book of memory: join once, leave at its end. */
unsigned slv_budget_join(slv_budget *budget);
void slv_budget_leave(slv_budget *budget, unsigned place);
void slv_budget_use(slv_budget *budget, unsigned place, uint64_t bytes);
/* Bytes over the limit, of all together; 0: there is room. */
uint64_t slv_budget_over(slv_budget *budget);
/* The same for one account: delta is what has come (or gone) since the pool last told. An account
 * over its limit has no room for further isolates. */
void slv_budget_use_by(slv_budget *budget, slv_str account, int64_t delta);
uint64_t slv_budget_over_by(slv_budget *budget, slv_str account);
uint64_t slv_budget_limit(const slv_budget *budget);

/* Memory that this process and its children may have: the machine's, or less where a cgroup says
 * so. 0: not known. */
uint64_t slv_machine_memory(void);

#endif
