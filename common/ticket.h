/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What stands for a stranger's descriptor until somebody has it who harms nobody by closing it.
 *
 * Who closes a descriptor last may have to wait for whoever gave it: for a TCP socket with SO_LINGER and a peer that does not read, for as long as its
 * owner has set (socket(7)); for a file of a FUSE file system at each close, until its server answers; for a unix socket in whose queue such
 * a one lies. So neither mxcd nor mxc-launch ever has one: mxc-porter, which takes them from callers, gives a ticket in its place, one end of
 * a pair of its own (SOCK_SEQPACKET), and keeps the descriptor. The process that will be the command in the sandbox, and nobody else,
 * redeems it: a process that ends does not linger, and whom it keeps waiting is its own sandbox.
 *
 * Who redeems one asks with a descriptor of his own, over which the answer comes: in a queue that mxcd has, too, nothing is ever left lying.
 *
 * What closes at once goes as it is: a pipe that has no name, a pidfd. Where mxcd has none to give it gives its own /dev/null. So of what comes to the
 * command a socket is a ticket, always. */

/* Three, as a command has them: each ticket is closed, and what it stands for is there instead, O_CLOEXEC; what is none stays. All of them are asked for before
 * the first is waited for; one ticket may stand more than once, as a message may name a descriptor more than once. 0 or a negative errno:
 * -ECONNRESET when who keeps it is gone, -ETIMEDOUT when he does not answer, -EINVAL for what no command may have: a directory or a mere name, which would be a way out of the cage (CVE-2024-21626), and a socket of a network, which
 * is one that no rule is asked about. */
int ticket_redeem_stdio(int stdio[3]);
