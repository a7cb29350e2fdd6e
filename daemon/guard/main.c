/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mxc-guard: loads the guard into the kernel, proves that it refuses, pins it where mxc-launch finds it, and is gone. Run again,
 * it puts its programs in the place of those that are there, with the same maps, so that what runs stays guarded. It never
 * takes the guard away. */

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sysexits.h>

#include "cleanup.h"
#include "guard-abi.h"
#include "guard.bpf.skel.h"
#include "guard.h"
#include "names.h"

#define BPFFS "/sys/fs/bpf"
#define BPFFS_MAGIC 0xcafe4a11
#define DIR_ABI MXC_GUARD_DIR "/" GUARD_ABI

typedef struct guard_bpf Programs;
DEFINE_CLEANUP(Programs *, guard_bpf__destroy);
DEFINE_CLEANUP(struct btf *, btf__free);

/* Why it cannot be, and the exit status: EX_UNAVAILABLE is a host that has no such thing, which is no failure of the unit;
 * anything else is. */
static int give_up(int status, const char *name, const char *what, int error) {
        fprintf(stderr, "<%d>%s: %s%s%s\n", status == EX_UNAVAILABLE ? 5 : 3, name, what, error ? ": " : "",
                        error ? strerror(-error) : "");
        return status;
}

/* libbpf's warnings are all there is to say why a program did not load; in full they are hundreds of lines of verifier. */
static _printf_(2, 0) int print(enum libbpf_print_level level, const char *format, va_list arguments) {
        return level == LIBBPF_WARN && getenv("MXC_GUARD_DEBUG") ? vfprintf(stderr, format, arguments) : 0;
}

/* How many arguments the hook has in this kernel, -ENOENT for one that it lacks. */
static int hook_arguments(const struct btf *kernel, const char *hook) {
        _cleanup_free_ char *name = NULL;
        if (asprintf(&name, "bpf_lsm_%s", hook) < 0)
                return -ENOMEM;
        int id = btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC);
        if (id < 0)
                return -ENOENT;
        const struct btf_type *function = btf__type_by_id(kernel, (unsigned)id);
        const struct btf_type *prototype = function ? btf__type_by_id(kernel, function->type) : NULL;
        return prototype ? btf_vlen(prototype) : -ENOENT;
}

/* Hooks that came later than Linux 6.1 are guarded where they are; one of the two shapes of inode_setattr is. */
static int choose_programs(Programs *p) {
        _cleanup_(btf__freep) struct btf *kernel = btf__load_vmlinux_btf();
        if (!kernel)
                return -errno;
        const struct {
                struct bpf_program *program;
                const char *hook;
                int arguments; /* -1: any */
        } optional[] = {
                { p->progs.guard_setattr_2, "inode_setattr", 2 },
                { p->progs.guard_setattr_3, "inode_setattr", 3 },
                { p->progs.guard_get_acl, "inode_get_acl", -1 },
                { p->progs.guard_set_acl, "inode_set_acl", -1 },
                { p->progs.guard_remove_acl, "inode_remove_acl", -1 },
                { p->progs.guard_file_setattr, "inode_file_setattr", -1 },
                { p->progs.guard_file_getattr, "inode_file_getattr", -1 },
                { p->progs.guard_ioctl_compat, "file_ioctl_compat", -1 },
        };
        for (size_t i = 0; i < ELEMENTSOF(optional); i++) {
                int n = hook_arguments(kernel, optional[i].hook);
                bool fits = n >= 0 && (optional[i].arguments < 0 || optional[i].arguments == n);
                int r = bpf_program__set_autoload(optional[i].program, fits);
                if (r < 0)
                        return r;
        }
        return hook_arguments(kernel, "inode_setattr") < 2 ? -ENOENT : 0;
}

static int make_directories(void) {
        struct statfs fs;
        if (statfs(BPFFS, &fs) < 0)
                return -errno;
        if ((unsigned long)fs.f_type != BPFFS_MAGIC)
                return -EMEDIUMTYPE;
        static const char *const dirs[] = { MXC_GUARD_DIR, DIR_ABI };
        for (size_t i = 0; i < ELEMENTSOF(dirs); i++) {
                if (mkdir(dirs[i], GUARD_DIR_MODE) < 0 && errno != EEXIST)
                        return -errno;
                if (chown(dirs[i], 0, 0) < 0 || chmod(dirs[i], GUARD_DIR_MODE) < 0)
                        return -errno;
        }
        return 0;
}

/* A map that is pinned already is used again, if it has the same shape: libbpf sees to that. */
static int choose_maps(Programs *p) {
        struct bpf_map *map;
        bpf_object__for_each_map(map, p->obj) {
                if (bpf_map__type(map) != BPF_MAP_TYPE_HASH) /* .rodata */
                        continue;
                _cleanup_free_ char *path = NULL;
                if (asprintf(&path, "%s/%s", DIR_ABI, bpf_map__name(map)) < 0)
                        return -ENOMEM;
                int r = bpf_map__set_pin_path(map, path);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* In place of what is there, without a moment in which neither refuses. */
static int pin_link(struct bpf_link *link, const char *name) {
        _cleanup_free_ char *path = NULL, *fresh = NULL;
        if (asprintf(&path, "%s/link_%s", DIR_ABI, name) < 0 || asprintf(&fresh, "%s_new", path) < 0)
                return -ENOMEM;
        (void)unlink(fresh); /* of a run that was interrupted */
        int r = bpf_link__pin(link, fresh);
        if (r < 0)
                return r;
        return rename(fresh, path) < 0 ? -errno : 0;
}

static int pin_links(Programs *p) {
        struct bpf_link **links = (struct bpf_link **)&p->links;
        _Static_assert(sizeof(p->links) % sizeof(struct bpf_link *) == 0,
                        "the skeleton's links are pointers");
        for (int i = 0; i < p->skeleton->prog_cnt; i++) {
                if (!links[i])
                        continue;
                int r = pin_link(links[i], p->skeleton->progs[i].name);
                if (r < 0)
                        return r;
        }
        return 0;
}

static Guard guard_of(const Programs *p) {
        return (Guard){
                .sandboxes = bpf_map__fd(p->maps.sandboxes),
                .anchors = bpf_map__fd(p->maps.anchors),
                .names = bpf_map__fd(p->maps.names),
                .journal = bpf_map__fd(p->maps.journal),
                .identities = bpf_map__fd(p->maps.identities),
        };
}

static int check(void) {
        const char *act = NULL;
        _cleanup_(guard_close) Guard g = GUARD_NONE;
        int r = guard_open(&g);
        if (r < 0)
                return give_up(EX_UNAVAILABLE, "NotLoaded", MXC_GUARD_DIR, r);
        r = guard_prove(&g, &act);
        if (r < 0)
                return give_up(EX_SOFTWARE, "NotProven", act, r == -EBADE ? 0 : r);
        puts("The guard is loaded and refuses what it must.");
        return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
        if (argc == 2 && streq(argv[1], "--check"))
                return check();
        if (argc != 1) {
                fprintf(stderr,
                                "Usage: %s [--check]\nLoads the guard of mxcd's sandboxes into the kernel; "
                                "see mxc-guard(8).\n",
                                argv[0]);
                return EX_USAGE;
        }
        (void)libbpf_set_print(print);

        int r = make_directories();
        if (r < 0)
                return give_up(EX_UNAVAILABLE, "NoBpfFileSystem", BPFFS, r);
        _cleanup_(guard_bpf__destroyp) Programs *p = guard_bpf__open();
        if (!p)
                return give_up(EX_OSERR, "CannotOpen", "the compiled programs", -errno);
        r = choose_programs(p);
        if (r < 0)
                return give_up(EX_UNAVAILABLE, "NoTypeInformation",
                                "this kernel has no BTF that says what its LSM hooks are", r);
        r = choose_maps(p);
        if (r == 0)
                r = guard_bpf__load(p);
        if (r < 0)
                return give_up(EX_UNAVAILABLE, "CannotLoad",
                                "this kernel does not take BPF LSM programs (MXC_GUARD_DEBUG=1 says why)",
                                r);
        r = guard_bpf__attach(p);
        if (r < 0)
                return give_up(EX_UNAVAILABLE, "CannotAttach",
                                "BPF is not among this kernel's LSMs (lsm=…,bpf)", r);

        const Guard g = guard_of(p);
        const char *act;
        r = guard_prove(&g, &act);
        if (r < 0)
                return give_up(EX_SOFTWARE, "NotProven", act, r == -EBADE ? 0 : r);
        r = pin_links(p);
        if (r < 0)
                return give_up(EX_OSERR, "CannotPin", DIR_ABI, r);
        return EXIT_SUCCESS;
}
