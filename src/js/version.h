/* version.h - which engine is loaded. Any thread. */
#ifndef SLV_JS_VERSION_H
#define SLV_JS_VERSION_H

/* "JavaScriptCore 2.50.6", of the library at run time. Static. */
const char *slv_js_version(void);

#endif
