/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parked.h"

#include <fcntl.h>

#include "cleanup.h"
#include "launcher.h"

Parked *parked_free(Parked *p) {
        for (size_t i = 0; p && i < p->n_fds; i++)
                (void)close(p->fds[i]); /* our copies */
        free(p);
        return NULL;
}

int parked_add(Launcher *l, ParkedList *list, const LaunchRequest *q, const int *fds, size_t n_fds) {
        Parked *p = calloc(1, sizeof(Parked));
        if (!p)
                return -ENOMEM;
        p->request = *q;
        p->connection = l->connection;
        for (size_t i = 0; i < n_fds; i++) {
                int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
                if (fd < 0) {
                        int r = -errno;
                        parked_free(p);
                        return r;
                }
                p->fds[p->n_fds++] = fd;
        }
        STAILQ_INSERT_TAIL(list, p, entries);
        return 0;
}

Parked *parked_take(Launcher *l, ParkedList *list) {
        for (Parked *p; (p = STAILQ_FIRST(list)) != NULL; parked_free(p)) {
                STAILQ_REMOVE_HEAD(list, entries);
                if (p->connection == l->connection)
                        return p;
        }
        return NULL;
}
