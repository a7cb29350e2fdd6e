/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit-store.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "config-file.h"
#include "fd.h"
#include "log.h"

#define NAME_SIZE 48U

DEFINE_CLEANUP(DIR *, closedir);

/* As many digits as there can be: the order of the names is that of the numbers. */
static void name_of(uint64_t number, uid_t uid, char ret[NAME_SIZE]) {
        (void)snprintf(ret, NAME_SIZE, "%020" PRIu64 ".%" PRIu32, number, (uint32_t)uid);
}

static bool parse_name(const char *name, uint64_t *ret_number, uid_t *ret_uid) {
        char again[NAME_SIZE];
        uint32_t uid;
        if (sscanf(name, "%" SCNu64 ".%" SCNu32, ret_number, &uid) != 2)
                return false;
        *ret_uid = uid;
        name_of(*ret_number, *ret_uid, again);
        return streq(name, again);
}

static int is_stored(const struct dirent *d) {
        uint64_t number;
        uid_t uid;
        return parse_name(d->d_name, &number, &uid);
}

int audit_store_open(AuditStore *s, const char *path,
                void (*each)(uint64_t number, uid_t uid, char *data, size_t size, void *userdata),
                void *userdata) {
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                return -errno;
        _cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir < 0)
                return -errno;
        struct dirent **list = NULL;
        int n = scandirat(dir, ".", &list, is_stored, alphasort);
        if (n < 0)
                return -errno;
        for (int i = 0; i < n; i++) {
                uid_t uid = 0;
                char *data = NULL;
                size_t size = 0;
                (void)parse_name(list[i]->d_name, &s->last, &uid); /* it is one: is_stored() */
                int r = fd_read_file_at(dir, list[i]->d_name, AUDIT_STORED_BYTES, &data, &size);
                if (r < 0)
                        log_error("A record of the audit cannot be read, and stays: %s/%s: %s", path,
                                        list[i]->d_name, strerror(-r));
                else
                        each(s->last, uid, data, size, userdata);
                free(list[i]);
        }
        free(list);
        s->dir = TAKE_FD(dir);
        return 0;
}

void audit_store_close(AuditStore *s) {
        cleanup_closep(&s->dir);
        s->dir = -EBADF;
}

int audit_store_put(AuditStore *s, uid_t uid, const char *data, size_t size, uint64_t *ret_number) {
        char name[NAME_SIZE];
        if (s->dir < 0)
                return -EBADF;
        if (size > AUDIT_STORED_BYTES)
                return -E2BIG;
        name_of(s->last + 1, uid, name);
        int r = config_file_write(s->dir, name, data, size);
        if (r < 0)
                return r;
        *ret_number = ++s->last;
        return 0;
}

void audit_store_remove(const AuditStore *s, uint64_t number, uid_t uid) {
        char name[NAME_SIZE];
        name_of(number, uid, name);
        if (unlinkat(s->dir, name, 0) < 0)
                log_warning("A record that the journal has stays on disk, and will be told again: %s",
                                strerror(errno));
}
