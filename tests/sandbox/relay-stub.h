/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Ports of any address at which relay-stub does not just tell where the connection was going. */

#define STUB_SELF 1  /* tells what it is itself */
#define STUB_LEASE 2 /* what its lease says */
#define STUB_DIE 3   /* ends with 3 */
#define STUB_FORK 4  /* leaves a child behind that serves as well */

#define STUB_STAY 5  /* does not hear TERM any more */
#define STUB_INSIDE 6 /* by the first two sockets that it was given: who answers at STUB_INSIDE_PORT of 127.0.0.1, and of ::1 */
#define STUB_INSIDE_PORT 8080

#define STUB_HELLO "here" /* what it says to mxcd first */
