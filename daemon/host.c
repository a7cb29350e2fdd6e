/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host.h"

#include <fcntl.h>

#include "cleanup.h"
#include "fd.h"
#include "limits.h"
#include "local-user.h"
#include "names.h"
#include "plan.h"

#define RESOLV_MAX (64U * 1024)
#define NAMESERVER "nameserver "

void host_facts_clear(HostFacts *f) {
        for (size_t i = 0; i < f->n_links; i++) {
                free(f->links[i].path);
                free(f->links[i].target);
        }
        free(f->links);
        *f = (HostFacts){ 0 };
}

/* A link of the merged /usr leads below the root by plain names. One that does not is none of ours. */
static bool is_plain(const char *target) {
        _cleanup_free_ char *path = NULL;
        if (asprintf(&path, "/%s", target + (target[0] == '/')) < 0) {
                path = NULL;
                return false;
        }
        return path[1] && path_is_normal(path);
}

static int add_link(HostFacts *f, const char *path) {
        char target[LIMIT_PATH_BYTES + 2]; /* a longer one is cut, and then not normal */
        ssize_t n = readlink(path, target, sizeof(target) - 1);
        if (n < 0)
                return errno == ENOENT || errno == EINVAL ? 0
                                                          : -errno; /* absent, or a directory of its own */
        target[n] = '\0';
        if (!is_plain(target))
                return 0;
        HostLink *link = &f->links[f->n_links++];
        *link = (HostLink){ strdup(path), strdup(target) };
        return link->path && link->target ? 0 : -ENOMEM;
}

bool host_has_resolver(void) {
        _cleanup_free_ char *text = NULL;
        if (fd_read_file_at(AT_FDCWD, "/etc/resolv.conf", RESOLV_MAX, &text, NULL) < 0)
                return false;
        return strncmp(text, NAMESERVER, strlen(NAMESERVER)) == 0 || strstr(text, "\n" NAMESERVER);
}

int host_facts_gather(HostFacts *ret) {
        static const char *const places[] = { "/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin" };
        _cleanup_(host_facts_clear) HostFacts f = { 0 };
        f.links = calloc(ELEMENTSOF(places), sizeof(HostLink));
        if (!f.links)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                int r = add_link(&f, places[i]);
                if (r < 0)
                        return r;
        }
        if (local_user_find(MXC_RELAY_USER, &f.relay_uid, &f.relay_gid) < 0)
                f.relay_uid = f.relay_gid = 0;
        *ret = f;
        f = (HostFacts){ 0 };
        return 0;
}
