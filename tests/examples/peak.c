/* SPDX-License-Identifier: MIT
 *
 * peak.c - runs a command with its output thrown away, and prints the most memory it had, in KiB.
 */
#define _DEFAULT_SOURCE /* ru_maxrss */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct rusage use;
    int status;
    if (argc < 2)
        return 2;
    pid_t child = fork();
    if (child == 0) {
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
        execv(argv[1], argv + 1);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0 ||
        getrusage(RUSAGE_CHILDREN, &use) != 0)
        return 1;
    printf("%ld\n", use.ru_maxrss);
    return 0;
}
