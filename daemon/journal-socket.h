/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The journal's datagram socket, spoken to directly, by systemd's Journal Native Protocol. sd_journal_sendv() cannot be used for audit: it
 * says 0 where nobody listens (ENOENT), and waits without end for a journald that is stuck. Nothing here ever waits.
 *
 * Each send connects anew, so a journald that was started again is found by itself. Knows nothing of what the records mean. */

#include <stddef.h>
#include <sys/un.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

typedef struct JournalSocket {
        int fd;
        struct sockaddr_un address;
        socklen_t length;
} JournalSocket;

/* The socket need not be there yet. -ENAMETOOLONG, or what socket(2) says. */
int journal_socket_open(JournalSocket *j, const char *path);
void journal_socket_close(JournalSocket *j);

/* 0: there is a reader, and it takes more. -EAGAIN: its queue is full (it is stuck, or flooded). Otherwise what connect(2)
 * says: -ENOENT, -ECONNREFUSED. */
int journal_socket_check(JournalSocket *j);

/* One whole entry, in the protocol's encoding. 0: it is in the reader's queue. Errors as of check, and -ENOMEM and the like of
 * the memfd that a large entry goes by. */
int journal_socket_send(JournalSocket *j, const void *data, size_t size);
