/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "refuse.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bpf-code.h"
#include "cgroup.h"
#include "cleanup.h"
#include "refusal-table.h"

void refuse_close(Refuse *r) {
        cleanup_closep(&r->table);
        cleanup_closep(&r->ring);
        for (size_t i = 0; i < REFUSE_PROGRAMS; i++)
                cleanup_closep(&r->programs[i]);
        *r = REFUSE_NONE;
}

int refuse_make(Refuse *ret) {
        Refuse r = REFUSE_NONE;
        union bpf_attr table = { .map_type = BPF_MAP_TYPE_ARRAY,
                .key_size = sizeof(uint32_t),
                .value_size = sizeof(RefusalTable),
                .max_entries = 1,
                .map_flags = BPF_F_MMAPABLE,
                .map_name = "mxc_refusals" };
        union bpf_attr ring = { .map_type = BPF_MAP_TYPE_RINGBUF,
                .max_entries = REFUSAL_RING_BYTES,
                .map_name = "mxc_refused" };
        r.table = bpf_call(BPF_MAP_CREATE, &table);
        r.ring = r.table < 0 ? r.table : bpf_call(BPF_MAP_CREATE, &ring);
        int error = r.ring < 0 ? r.ring : refuse_programs_load(r.table, r.ring, r.programs);
        if (error < 0) {
                refuse_close(&r);
                return error;
        }
        *ret = r;
        return 0;
}

int refuse_write(const Refuse *r, int memfd) {
        struct stat st;
        if (fstat(memfd, &st) < 0)
                return -errno;
        if (st.st_size != sizeof(RefusalTable))
                return -EBADMSG;
        const RefusalTable *from = mmap(NULL, sizeof(RefusalTable), PROT_READ, MAP_SHARED, memfd, 0);
        if (from == MAP_FAILED)
                return -errno;
        RefusalTable *to = mmap(NULL, sizeof(RefusalTable), PROT_READ | PROT_WRITE, MAP_SHARED, r->table, 0);
        int error = to == MAP_FAILED ? -errno : 0;
        if (error == 0) {
                refusal_table_replace(to, from);
                (void)munmap(to, sizeof(RefusalTable));
        }
        (void)munmap((void *)from, sizeof(RefusalTable));
        return error;
}

int refuse_attach(Refuse *r, int leaf) {
        int error = refuse_programs_attach(r->programs, leaf);
        for (size_t i = 0; i < REFUSE_PROGRAMS; i++) {
                cleanup_closep(&r->programs[i]);
                r->programs[i] = -EBADF;
        }
        return error;
}

/* ---- whether this host can ---- */

/* A table that has one range, in which nothing is open, and one address at which everything is. */
static int fill(const Refuse *r) {
        RefusalTable *t = mmap(NULL, sizeof(RefusalTable), PROT_READ | PROT_WRITE, MAP_SHARED, r->table, 0);
        if (t == MAP_FAILED)
                return -errno;
        for (size_t way = 0; way < _REFUSAL_WAY_MAX; way++)
                for (size_t i = 1; i < REFUSAL_STRETCHES; i++)
                        t->ports[way][i] = UINT32_MAX;
        for (size_t i = 1; i < REFUSAL_RANGES; i++)
                t->ranges[i].address[0] = t->ranges[i].address[1] = UINT64_MAX;
        t->ranges[1] = (RefusalPlace){ { 0, 0xffff7f000001 }, { UINT64_MAX, UINT64_MAX } };
        t->ranges[2] = (RefusalPlace){ { 0, 0xffff7f000002 }, { 0, 0 } };
        t->holds = 1;
        (void)munmap(t, sizeof(RefusalTable));
        return 0;
}

/* What an attempt comes to: an errno, or 0. */
static int attempt(int family, int type, const char *address) {
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(1) };
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(1) };
        const struct sockaddr *to =
                        family == AF_INET ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6;
        const socklen_t size = family == AF_INET ? sizeof(v4) : sizeof(v6);
        (void)inet_pton(family, address, family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr);
        _cleanup_close_ int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return errno;
        const bool done = type == SOCK_STREAM ? connect(fd, to, size) == 0
                                              : sendto(fd, "", 1, 0, to, size) == 1;
        return done ? 0 : errno;
}

static bool is_refused(int error) {
        return error == EACCES || error == EPERM;
}

static _Noreturn void try(void) {
        static const char *const v4 = "127.0.0.2", *const v6 = "::1", *const open = "127.0.0.1";
        bool good = !is_refused(attempt(AF_INET, SOCK_STREAM, open)) &&
                    !is_refused(attempt(AF_INET, SOCK_DGRAM, open)) &&
                    is_refused(attempt(AF_INET, SOCK_STREAM, v4)) &&
                    is_refused(attempt(AF_INET, SOCK_DGRAM, v4));
        int error = good ? attempt(AF_INET6, SOCK_STREAM, v6) : 0;
        good = good && (error == EAFNOSUPPORT ||
                                       (is_refused(error) && is_refused(attempt(AF_INET6, SOCK_DGRAM, v6))));
        _exit(good ? EXIT_SUCCESS : EXIT_FAILURE);
}

static bool prove_in(int leaf) {
        _cleanup_(refuse_close) Refuse r = REFUSE_NONE;
        _cleanup_close_ int pidfd = -EBADF;
        int status = 0;
        if (refuse_make(&r) < 0 || fill(&r) < 0 || refuse_attach(&r, leaf) < 0)
                return false;
        pid_t pid = cgroup_clone(leaf, 0, &pidfd);
        if (pid == 0)
                try();
        while (pid > 0 && waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return false;
        return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

int refuse_probe(void) {
        _cleanup_close_ int root = cgroup_open_root(), leaf = -EBADF;
        _cleanup_free_ char *name = NULL;
        if (root < 0 || cgroup_make_below(root, "mxc-refuse-proof", &name, &leaf) < 0)
                return 0;
        const bool can = prove_in(leaf);
        (void)unlinkat(root, name, AT_REMOVEDIR); /* empty, and in nobody's way */
        return can;
}
