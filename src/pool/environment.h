/* environment.h - the environment that main gives to isolates, zygotes and self-tests. */
#ifndef SLV_POOL_ENVIRONMENT_H
#define SLV_POOL_ENVIRONMENT_H

/* A few names of ours and of the engine's, and nothing of the operator's: code in an isolate can
   read its own memory. A NULL-terminated list, valid until the next call on this thread. */
const char *const *slv_child_environment(void);

#endif
