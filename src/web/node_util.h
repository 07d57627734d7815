/* node_util.h - natives of node:util: what JavaScript cannot see of a value. The engine's thread.
 */
#ifndef SLV_WEB_NODE_UTIL_H
#define SLV_WEB_NODE_UTIL_H

#include "js/native.h"

void slv_web_node_util_register(slv_js *js);

#endif
