/* Files and registry of Durable Objects, as main holds them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "objects/files.h"
#include "objects/registry.h"
#include "store/object_file.h"
#include "support/tap.h"

#define ID SLV_STR("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")
#define ID2 SLV_STR("10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")

static const char *fresh(char out[static 512])
{
    static int n;

    (void)snprintf(out, 512, "%s/class%d", tap_tmpdir(), n++);
    return out;
}

static long size_of(const char *folder, const char *suffix)
{
    char path[1024];
    struct stat st;

    (void)snprintf(path, sizeof path, "%s/%.*s%s", folder, SLV_STR_ARGS(ID), suffix);
    return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

TEST(a_new_object_has_a_whole_database_and_an_empty_wal)
{
    char folder[512];
    slv_object_files f;
    slv_err err = {0};
    uint64_t wal = 1;

    CHECK_INT(slv_object_files_open(fresh(folder), ID, &f, &err), SLV_OK);
    CHECK(f.fresh);
    CHECK_INT(size_of(folder, ".sqlite"), SLV_OBJECT_FILE_SIZE);
    CHECK_INT(size_of(folder, ".sqlite-wal"), 0);
    CHECK_INT(slv_object_files_sync(&f, &wal, &err), SLV_OK);
    CHECK_INT(wal, 0);
    CHECK(!f.fresh);
    CHECK_INT(pwrite(f.wal, "12345", 5, 0), 5);
    CHECK_INT(slv_object_files_sync(&f, &wal, &err), SLV_OK);
    CHECK_INT(wal, 5);
    slv_object_files_close(&f);

    CHECK_INT(slv_object_files_open(folder, ID, &f, &err), SLV_OK);
    CHECK(!f.fresh);
    CHECK_INT(size_of(folder, ".sqlite-wal"), 5);
    slv_object_files_close(&f);
    slv_object_files_close(&f); /* once more does nothing */
}

TEST(a_removed_wal_ends_the_acknowledgements)
{
    char folder[512], path[1024];
    slv_object_files f;
    slv_err err = {0};
    uint64_t wal;

    CHECK_INT(slv_object_files_open(fresh(folder), ID, &f, &err), SLV_OK);
    (void)snprintf(path, sizeof path, "%s/%.*s.sqlite-wal", folder, SLV_STR_ARGS(ID));
    CHECK_INT(unlink(path), 0);
    CHECK_INT(slv_object_files_sync(&f, &wal, &err), SLV_E_IO);
    CHECK(strstr(slv_err_text(&err), "removed"));
    CHECK_INT(slv_object_files_sync(&f, &wal, &err), SLV_E_IO); /* it stays so */
    slv_object_files_close(&f);
}

TEST(a_database_cut_by_a_power_failure_is_made_again_unless_its_wal_has_something)
{
    char folder[512], path[1024];
    slv_object_files f;
    slv_err err = {0};

    CHECK_INT(slv_object_files_open(fresh(folder), ID, &f, &err), SLV_OK);
    slv_object_files_close(&f);
    (void)snprintf(path, sizeof path, "%s/%.*s.sqlite", folder, SLV_STR_ARGS(ID));
    CHECK_INT(truncate(path, 100), 0);
    CHECK_INT(slv_object_files_open(folder, ID, &f, &err), SLV_OK);
    CHECK_INT(size_of(folder, ".sqlite"), SLV_OBJECT_FILE_SIZE);
    CHECK_INT(pwrite(f.wal, "x", 1, 0), 1);
    slv_object_files_close(&f);
    CHECK_INT(truncate(path, 100), 0);
    CHECK_INT(slv_object_files_open(folder, ID, &f, &err), SLV_E_IO);
    CHECK(strstr(slv_err_text(&err), "damaged"));
}

TEST(a_wal_without_its_database_is_not_taken_over)
{
    char folder[512], path[1024];
    slv_object_files f;
    slv_err err = {0};

    CHECK_INT(slv_object_files_open(fresh(folder), ID, &f, &err), SLV_OK);
    CHECK_INT(pwrite(f.wal, "x", 1, 0), 1);
    slv_object_files_close(&f);
    (void)snprintf(path, sizeof path, "%s/%.*s.sqlite", folder, SLV_STR_ARGS(ID));
    CHECK_INT(unlink(path), 0);
    CHECK_INT(slv_object_files_open(folder, ID, &f, &err), SLV_OK);
    CHECK_INT(size_of(folder, ".sqlite-wal"), 0);
    slv_object_files_close(&f);
}

TEST(a_link_in_the_place_of_a_database_is_refused)
{
    char folder[512], path[1024];
    slv_object_files f;
    slv_err err = {0};

    CHECK_INT(mkdir(fresh(folder), 0700), 0);
    (void)snprintf(path, sizeof path, "%s/%.*s.sqlite", folder, SLV_STR_ARGS(ID));
    CHECK_INT(symlink("/etc/passwd", path), 0);
    CHECK_INT(slv_object_files_open(folder, ID, &f, &err), SLV_E_IO);
}

TEST(objects_and_classes_are_removed)
{
    char folder[512];
    slv_object_files f;
    slv_err err = {0};

    CHECK_INT(slv_object_files_open(fresh(folder), ID, &f, &err), SLV_OK);
    slv_object_files_close(&f);
    CHECK_INT(slv_object_files_remove(folder, ID, &err), SLV_OK);
    CHECK_INT(size_of(folder, ".sqlite"), -1);
    CHECK_INT(slv_object_files_remove(folder, ID, &err), SLV_OK);
    CHECK_INT(slv_object_files_open(folder, ID, &f, &err), SLV_OK);
    slv_object_files_close(&f);
    CHECK_INT(slv_object_folder_remove(folder, &err), SLV_OK);
    CHECK_INT(access(folder, F_OK), -1);
    CHECK_INT(slv_object_folder_remove(folder, &err), SLV_OK);
}

/* ---- the registry ---- */

static slv_registry *open_registry(const char *path)
{
    slv_registry *r = NULL;
    slv_err err = {0};

    if (slv_registry_open(path, true, false, &r, &err) != SLV_OK)
        tap_failed(__FILE__, __LINE__, "%s", slv_err_text(&err));
    return r;
}

static void list_ids(void *arg, const slv_registry_row *row)
{
    SLV_ASSERT(slv_buf_printf(arg, "%.*s:%.*s:%lld:%u ", SLV_STR_ARGS(row->key), 2, row->id.ptr,
                              (long long)row->alarm.set_ms, row->alarm.retries) == SLV_OK);
}

TEST(each_residence_has_an_epoch_and_a_name_is_kept)
{
    char path[512];
    SLV_CLEANUP(slv_registry_free) slv_registry *r = open_registry(fresh(path));
    slv_registry_row row;
    slv_err err = {0};

    CHECK_INT(slv_registry_enter(r, SLV_STR("k"), ID, false, SLV_STR_NULL, &row, &err), SLV_OK);
    CHECK_INT(row.epoch, 1);
    CHECK(!row.named);
    CHECK_INT(slv_registry_enter(r, SLV_STR("k"), ID, true, SLV_STR("Zoë"), &row, &err), SLV_OK);
    CHECK_INT(row.epoch, 2);
    CHECK(row.named);
    CHECK_STR(row.name, SLV_STR("Zoë"));
    CHECK_INT(slv_registry_enter(r, SLV_STR("k"), ID, false, SLV_STR_NULL, &row, &err), SLV_OK);
    CHECK_INT(row.epoch, 3);
    CHECK_STR(row.name, SLV_STR("Zoë"));
    CHECK_INT(slv_registry_enter(r, SLV_STR("k"), ID2, true, SLV_STR(""), &row, &err), SLV_OK);
    CHECK(row.named);
    CHECK_INT(row.name.len, 0);
    CHECK_INT(row.alarm.set_ms, SLV_REGISTRY_NO_ALARM);
}

TEST(alarms_and_objects_left_open_are_found_again)
{
    char path[512];
    slv_registry *r = open_registry(fresh(path));
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(4096);
    const slv_registry_alarm alarm = {.set_ms = 1000, .next_ms = 3000, .retries = 2};
    const slv_registry_alarm none = {.set_ms = SLV_REGISTRY_NO_ALARM};
    slv_registry_row row;
    slv_err err = {0};

    CHECK_INT(slv_registry_enter(r, SLV_STR("a"), ID, false, SLV_STR_NULL, &row, &err), SLV_OK);
    CHECK_INT(slv_registry_enter(r, SLV_STR("b"), ID2, false, SLV_STR_NULL, &row, &err), SLV_OK);
    CHECK_INT(slv_registry_set_alarm(r, SLV_STR("a"), ID, &alarm, &err), SLV_OK);
    CHECK_INT(slv_registry_leave(r, SLV_STR("a"), ID, &err), SLV_OK);
    r = slv_registry_free(r);

    r = open_registry(path);
    CHECK_INT(slv_registry_alarms(r, list_ids, &out, &err), SLV_OK);
    CHECK_STR(slv_buf_view(&out), SLV_STR("a:00:1000:2 "));
    slv_buf_reset(&out);
    CHECK_INT(slv_registry_left_open(r, list_ids, &out, &err), SLV_OK);
    CHECK_STR(slv_buf_view(&out), SLV_STR("b:10:-1:0 "));
    CHECK_INT(slv_registry_set_alarm(r, SLV_STR("a"), ID, &none, &err), SLV_OK);
    slv_buf_reset(&out);
    CHECK_INT(slv_registry_alarms(r, list_ids, &out, &err), SLV_OK);
    CHECK_INT(out.len, 0);
    CHECK_INT(slv_registry_drop_class(r, SLV_STR("a"), &err), SLV_OK);
    CHECK_INT(slv_registry_list(r, SLV_STR("a"), list_ids, &out, &err), SLV_OK);
    CHECK_INT(out.len, 0);
    CHECK_INT(slv_registry_list(r, SLV_STR("b"), list_ids, &out, &err), SLV_OK);
    CHECK_STR(slv_buf_view(&out), SLV_STR("b:10:-1:0 "));
    (void)slv_registry_free(r);
}

TEST(the_last_migration_of_a_worker_is_kept)
{
    char path[512];
    SLV_CLEANUP(slv_registry_free) slv_registry *r = open_registry(fresh(path));
    slv_err err = {0};
    slv_str tag;

    CHECK_INT(slv_registry_tag(r, SLV_STR("w"), &tag, &err), SLV_E_NOTFOUND);
    CHECK_INT(slv_registry_set_tag(r, SLV_STR("w"), SLV_STR("v1"), &err), SLV_OK);
    CHECK_INT(slv_registry_set_tag(r, SLV_STR("w"), SLV_STR("v2"), &err), SLV_OK);
    CHECK_INT(slv_registry_tag(r, SLV_STR("w"), &tag, &err), SLV_OK);
    CHECK_STR(tag, SLV_STR("v2"));
}

TAP_MAIN()
