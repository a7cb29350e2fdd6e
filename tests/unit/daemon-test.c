/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon-test.h"

#include <endian.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

char *test_dir;

static void setup(void) {
        const char *tmp = getenv("TMPDIR");
        if (!tmp) /* thousands of files that nobody needs on a disk */
                tmp = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
        ck_assert_int_ge(asprintf(&test_dir, "%s/mxc-test.XXXXXX", tmp), 0);
        ck_assert_ptr_nonnull(mkdtemp(test_dir));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
        return remove(path);
}

static void teardown(void) {
        ck_assert_int_eq(nftw(test_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT), 0);
        free(test_dir);
}

TCase *daemon_case(const char *name) {
        TCase *t = tcase_create(name);
        tcase_add_checked_fixture(t, setup, teardown);
        tcase_set_timeout(t, 120);
        return t;
}

int run_daemon_case(TCase *t) {
        Suite *s = suite_create("mxcd");
        suite_add_tcase(s, t);
        SRunner *r = srunner_create(s);
        srunner_run_all(r, CK_ENV);
        int failed = srunner_ntests_failed(r);
        srunner_free(r);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

char *path_of(const char *relative) {
        char *s;
        ck_assert_int_ge(asprintf(&s, "%s/%s", test_dir, relative), 0);
        return s;
}

void make_dir(const char *relative) {
        _cleanup_free_ char *path = path_of(relative);
        ck_assert_int_eq(mkdir(path, 0755), 0);
        ck_assert_int_eq(chmod(path, 0755), 0); /* whatever the umask is */
}

void write_file(const char *relative, const char *text) {
        _cleanup_free_ char *path = path_of(relative), *temporary = path_of(".writing");
        _cleanup_fclose_ FILE *f = fopen(temporary, "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(text, f), 0);
        ck_assert_int_eq(fchmod(fileno(f), 0644), 0);
        ck_assert_int_eq(fflush(f), 0);
        ck_assert_int_eq(rename(temporary, path), 0);
}

void remove_file(const char *relative) {
        _cleanup_free_ char *path = path_of(relative);
        ck_assert_int_eq(unlink(path), 0);
}

bool file_exists(const char *relative) {
        _cleanup_free_ char *path = path_of(relative);
        return access(path, F_OK) == 0;
}

int journal_listen(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_free_ char *path = path_of("journal");
        ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
        memcpy(address.sun_path, path, strlen(path));
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

static void read_memfd(int fd, Record *ret) {
        struct stat st;
        ck_assert_int_eq(fstat(fd, &st), 0);
        int seals = fcntl(fd, F_GET_SEALS);
        ck_assert_int_eq(seals, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
                                                F_SEAL_SEAL); /* what journald 252 asks for */
        ret->size = (size_t)st.st_size;
        ret->data = malloc(ret->size + 1);
        ck_assert_ptr_nonnull(ret->data);
        ck_assert_int_eq(pread(fd, ret->data, ret->size, 0), (ssize_t)ret->size);
        ret->by_memfd = true;
        (void)close(fd);
}

bool journal_read(int fd, Record *ret) {
        ssize_t size = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC);
        if (size < 0) {
                ck_assert_int_eq(errno, EAGAIN);
                return false;
        }
        *ret = (Record){ .data = malloc((size_t)size + 1), .size = (size_t)size };
        ck_assert_ptr_nonnull(ret->data);
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec iov = { .iov_base = ret->data, .iov_len = ret->size };
        struct msghdr message = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };
        ck_assert_int_eq(recvmsg(fd, &message, MSG_CMSG_CLOEXEC), size);
        const struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        if (c) {
                int memfd;
                ck_assert_int_eq(size, 0);
                free(ret->data);
                memcpy(&memfd, CMSG_DATA(c), sizeof(memfd));
                read_memfd(memfd, ret);
        }
        return true;
}

void record_clear(Record *r) {
        free(r->data);
        *r = (Record){ 0 };
}

const char *record_field(const Record *r, const char *name, size_t n, size_t *ret_size) {
        for (size_t i = 0; i < r->size;) {
                const char *field = r->data + i, *end = memchr(field, '\n', r->size - i);
                ck_assert_ptr_nonnull(end);
                const char *equals = memchr(field, '=', (size_t)(end - field));
                size_t n_name = (size_t)((equals ? equals : end) - field), size;
                const char *value = equals ? equals + 1 : end + 1 + sizeof(uint64_t);
                if (equals)
                        size = (size_t)(end - value);
                else {
                        uint64_t length;
                        memcpy(&length, end + 1, sizeof(length));
                        size = le64toh(length);
                        ck_assert_uint_lt(size, r->size);
                        ck_assert_int_eq(value[size], '\n');
                }
                if (n_name == strlen(name) && memcmp(field, name, n_name) == 0 && n-- == 0) {
                        *ret_size = size;
                        return value;
                }
                i = (size_t)(value + size + 1 - r->data);
        }
        return NULL;
}

char *record_get(const Record *r, const char *name) {
        size_t size;
        const char *value = record_field(r, name, 0, &size);
        return value ? strndup(value, size) : NULL;
}

void record_expect(const Record *r, const char *name, const char *value) {
        _cleanup_free_ char *got = record_get(r, name);
        if (!value)
                ck_assert_msg(!got, "%s is %s, and should not be there", name, got);
        else
                ck_assert_msg(got && streq(got, value), "%s is %s, not %s", name, got ? got : "missing",
                                value);
}
