/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signal-name.h"

#include <signal.h>
#include <stddef.h>

#define NAME(signal) [SIG##signal] = #signal

const char *signal_name(int number) {
        static const char *const names[] = { NAME(HUP), NAME(INT), NAME(QUIT), NAME(ILL), NAME(TRAP),
                NAME(ABRT), NAME(BUS), NAME(FPE), NAME(KILL), NAME(USR1), NAME(SEGV), NAME(USR2), NAME(PIPE),
                NAME(ALRM), NAME(TERM), NAME(STKFLT), NAME(CHLD), NAME(CONT), NAME(STOP), NAME(TSTP),
                NAME(TTIN), NAME(TTOU), NAME(URG), NAME(XCPU), NAME(XFSZ), NAME(VTALRM), NAME(PROF),
                NAME(WINCH), NAME(POLL), NAME(PWR), NAME(SYS) };
        return number > 0 && (size_t)number < sizeof(names) / sizeof(names[0]) ? names[number] : NULL;
}
