/* The end of a tenant. */
#include "base/buf.h"
#include "state/name.h"
#include "state/state_int.h"
#include "state/tree.h"

#define PATH_BYTES ((size_t)8192)

slv_code slv_state_remove_tenant(slv_state *state, slv_str name, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_BYTES);

    if (name.len == 0)
        return slv_fail(err, SLV_E_INVAL, "a tenant without a name");
    SLV_TRY(slv_buf_printf(&path, "%s/", state->dir));
    SLV_TRY(slv_name_encode(name, &path));
    if (!slv_buf_cstr(&path))
        return SLV_E_NOMEM;
    /* its names are known to be durable no longer */
    pthread_mutex_lock(&state->lock);
    for (size_t i = state->folders.len; i-- > 0;)
        if (slv_str_starts(state->folders.keys[i], slv_buf_view(&path)))
            (void)slv_map_remove(&state->folders, state->folders.keys[i]);
    pthread_mutex_unlock(&state->lock);
    return slv_tree_remove(path.ptr, err);
}
