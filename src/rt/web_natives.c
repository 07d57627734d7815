#include "rt/web_natives.h"

#include "web/aws.h"
#include "web/clone.h"
#include "web/compression.h"
#include "web/crypto_natives.h"
#include "web/encoding.h"
#include "web/html_natives.h"
#include "web/mime.h"
#include "web/node_buffer.h"
#include "web/node_natives.h"
#include "web/node_util.h"
#include "web/url.h"

/* One row for each file of src/web that offers natives. */
void slv_rt_add_web_natives(slv_js *js)
{
    static void (*const registers[])(slv_js * js) = {
        slv_web_aws_register,       slv_web_html_register,        slv_web_clone_register,
        slv_web_crypto_register,    slv_web_compression_register, slv_web_encoding_register,
        slv_web_url_register,       slv_web_mime_register,        slv_web_node_buffer_register,
        slv_web_node_util_register, slv_web_node_crypto_register, slv_web_node_pkey_register,
        slv_web_node_dh_register,   slv_web_node_zlib_register,   NULL,
    };

    for (size_t i = 0; registers[i]; i++)
        registers[i](js);
}
