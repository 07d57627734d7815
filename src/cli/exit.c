#include "cli/exit.h"

int slv_exit_code(slv_code code)
{
    switch (code) {
    case SLV_OK:
        return 0;
    case SLV_E_INVAL:
    case SLV_E_NOTFOUND:
    case SLV_E_PARSE:
    case SLV_E_UNSUPPORTED:
        return 2;
    case SLV_E_EXISTS:
    case SLV_E_LIMIT:
    case SLV_E_AGAIN:
    case SLV_E_IO:
    case SLV_E_DENIED:
    case SLV_E_CANCELED:
    case SLV_E_TIMEOUT:
    case SLV_E_CLOSED:
    case SLV_E_PROTOCOL:
    case SLV_E_STATE:
    case SLV_E_NOMEM:
    case SLV_E_JS:
        return 1;
    }
    return 1;
}
