/*
 * aws.h - natives for requests to AWS (jslib/bao). The engine's thread.
 */
#ifndef SLV_WEB_AWS_H
#define SLV_WEB_AWS_H

#include "js/native.h"

void slv_web_aws_register(slv_js *js);

#endif
