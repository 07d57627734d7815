/* hash_test.c - BLAKE3 against the reference's own sums, and tokens. */
#include "fmt/blake3.h"
#include "fmt/jwt.h"
#include "fmt/sum.h"
#include "support/tap.h"

/* Of bytes that count 0 to 250 over and over, as the published vectors have them. */
static const struct {
    size_t len;
    const char *hex;
} vectors[] = {
    {0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"},
    {1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"},
    {63, "e9bc37a594daad83be9470df7f7b3798297c3d834ce80ba85d6e207627b7db7b"},
    {64, "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98"},
    {65, "de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee"},
    {1023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11"},
    {1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"},
    {1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"},
    {2047, "58830fbf51a4423c573b164471690570e544cfe793bead46225664796b4b1467"},
    {2048, "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a"},
    {2049, "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030"},
    {3072, "b98cb0ff3623be03326b373de6b9095218513e64f1ee2edd2525c7ad1e5cffd2"},
    {4096, "015094013f57a5277b59d8475c0501042c0b642e531b0a1c8f58d2163229e969"},
    {4097, "9b4052b38f1c5fc8b1f9ff7ac7b27cd242487b3d890d15c96a1c25b8aa0fb995"},
    {7168, "61da957ec2499a95d6b8023e2b0e604ec7f6b50e80a9678b89d2628e99ada77a"},
    {8193, "bab6c09cb8ce8cf459261398d2e7aef35700bf488116ceb94a36d0f5f1b7bc3b"},
    {31744, "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47"},
    {102400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"},
};

static void pattern(slv_buf *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        SLV_ASSERT(slv_buf_append_byte(out, (char)(i % 251)) == SLV_OK);
}

static bool is_hex(const uint8_t sum[SLV_BLAKE3_LEN], const char *hex)
{
    char text[65] = "";

    slv_hex_put(slv_str_make(sum, SLV_BLAKE3_LEN), text);
    return strcmp(text, hex) == 0;
}

TEST(blake3_agrees_with_the_reference_at_every_edge_of_blocks_and_chunks)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(vectors); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf in = SLV_BUF(1 << 20);
        uint8_t sum[SLV_BLAKE3_LEN];
        slv_blake3 b;

        pattern(&in, vectors[i].len);
        slv_blake3_init(&b);
        slv_blake3_add(&b, slv_buf_view(&in));
        slv_blake3_end(&b, sum);
        CHECK(is_hex(sum, vectors[i].hex));
    }
}

TEST(blake3_is_the_same_for_any_split_of_the_bytes)
{
    SLV_CLEANUP(slv_buf_done) slv_buf in = SLV_BUF(1 << 20);
    slv_prng rng;

    pattern(&in, 102400);
    slv_prng_seed(&rng, tap_seed());
    for (int round = 0; round < 8; round++) {
        slv_str rest = slv_buf_view(&in);
        uint8_t sum[SLV_BLAKE3_LEN];
        slv_blake3 b;

        slv_blake3_init(&b);
        while (rest.len > 0) {
            size_t n = 1 + slv_prng_below(&rng, round < 4 ? 200 : 5000);

            slv_blake3_add(&b, slv_str_sub(rest, 0, n));
            rest = slv_str_skip(rest, n > rest.len ? rest.len : n);
            slv_blake3_end(&b, sum); /* asking in between changes nothing */
        }
        CHECK(is_hex(sum, vectors[SLV_ARRAY_LEN(vectors) - 1].hex));
    }
}

TEST(a_token_is_read_back_with_its_key_until_it_expires)
{
    SLV_CLEANUP(slv_buf_done) slv_buf token = SLV_BUF(SLV_JWT_MAX);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
    slv_node *claims = NULL;
    int64_t n = 0;

    CHECK(slv_jwt_put(SLV_STR("key"), SLV_STR("{\"exp\":100,\"n\":7}"), &token) == SLV_OK);
    CHECK(slv_jwt_check(SLV_STR("key"), slv_buf_view(&token), 99, &arena, &claims) == SLV_OK);
    CHECK(slv_node_i64(slv_node_get(claims, "n"), &n) && n == 7);
    CHECK(slv_jwt_check(SLV_STR("key"), slv_buf_view(&token), 100, &arena, &claims) ==
          SLV_E_TIMEOUT);
    CHECK(slv_jwt_check(SLV_STR("other"), slv_buf_view(&token), 99, &arena, &claims) ==
          SLV_E_DENIED);
}

TEST(a_token_whose_bytes_were_changed_is_refused)
{
    SLV_CLEANUP(slv_buf_done) slv_buf token = SLV_BUF(SLV_JWT_MAX);
    slv_node *claims = NULL;

    CHECK(slv_jwt_put(SLV_STR("key"), SLV_STR("{\"exp\":100}"), &token) == SLV_OK);
    for (size_t i = 0; i < token.len; i++) {
        SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
        char was = token.ptr[i];

        token.ptr[i] = was == 'A' ? 'B' : 'A';
        CHECK(slv_jwt_check(SLV_STR("key"), slv_buf_view(&token), 1, &arena, &claims) != SLV_OK);
        token.ptr[i] = was;
    }
}

TEST(what_is_no_token_is_refused)
{
    static const char *const texts[] = {"",      ".",   "..",  "a",      "a.b",
                                        "a.b.c", "a..", "..c", "a.b.c.d"};
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf long_one = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf token = SLV_BUF(SLV_JWT_MAX);
    slv_node *claims = NULL;

    for (size_t i = 0; i < SLV_ARRAY_LEN(texts); i++)
        CHECK(slv_jwt_check(SLV_STR("key"), slv_str_from(texts[i]), 1, &arena, &claims) != SLV_OK);
    CHECK(slv_jwt_put(SLV_STR("key"), SLV_STR("{\"n\":7}"), &token) == SLV_OK);
    CHECK(slv_jwt_check(SLV_STR("key"), slv_buf_view(&token), 1, &arena, &claims) == SLV_E_DENIED);
    while (long_one.len <= SLV_JWT_MAX)
        CHECK(slv_buf_append_byte(&long_one, '.') == SLV_OK);
    CHECK(slv_jwt_check(SLV_STR("key"), slv_buf_view(&long_one), 1, &arena, &claims) ==
          SLV_E_PARSE);
}

TAP_MAIN()
