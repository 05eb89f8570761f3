/* SPDX-License-Identifier: MIT
 *
 * Processors: affinity, also beyond 1024 of them, and the quotas of control groups, by trees of
 * files as Linux shows them.
 */
#define _GNU_SOURCE
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cpus.h"
#include "base/machine.h"
#include "base/quota.h"

/* ---- the machine of the tests, linked with --wrap ---- */

static atomic_uint fake_cpus; /* the kernel has a mask for so many, all allowed; 0: the real */
static atomic_uint masks;     /* asked for */
int __real_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
    masks++;
    if (!fake_cpus)
        return __real_sched_getaffinity(pid, size, set);
    if (size * 8 < fake_cpus) {
        errno = EINVAL;
        return -1;
    }
    CPU_ZERO_S(size, set);
    for (size_t cpu = 0; cpu < fake_cpus; cpu++)
        CPU_SET_S(cpu, size, set);
    return 0;
}

static _Atomic uint32_t fake_quota; /* 0: the real one */
static atomic_uint quotas_read;
uint32_t __real_ccpi_cpu_quota(const char *root);
uint32_t __wrap_ccpi_cpu_quota(const char *root);
uint32_t __wrap_ccpi_cpu_quota(const char *root)
{
    quotas_read++;
    return fake_quota ? fake_quota : __real_ccpi_cpu_quota(root);
}

static _Atomic int64_t fake_now; /* 0: the real clock */
int64_t __real_ccpi_clock_coarse(void);
int64_t __wrap_ccpi_clock_coarse(void);
int64_t __wrap_ccpi_clock_coarse(void)
{
    int64_t now = atomic_load(&fake_now);
    return now ? now : __real_ccpi_clock_coarse();
}

static int64_t later; /* it never goes back */

/* From now on, a second later than before. */
static unsigned count_with(unsigned cpus, uint32_t quota)
{
    fake_cpus = cpus;
    fake_quota = quota;
    later += CCP_SEC(1);
    atomic_store(&fake_now, later);
    return ccp_cpu_count();
}

static int back_to_the_machine(void **state)
{
    fake_cpus = 0;
    fake_quota = 0;
    atomic_store(&fake_now, 0);
    return no_block_is_live(state);
}
#define FAKED(name) cmocka_unit_test_teardown(name, back_to_the_machine)

/* ---- counting ---- */

TEST(a_thread_that_may_use_one_processor_counts_one)
{
    cpu_set_t before, one;
    unsigned all = ccp_cpu_count();
    assert_true(all >= 1);
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &before))
            CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(ccp_cpu_count(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_int_equal(ccp_cpu_count(), all);
}

TEST(more_than_1024_processors_are_counted)
{
    static const unsigned counts[] = { 1, 64, 1024, 1025, 4096, 8192 };
    for (size_t i = 0; i < LENGTH(counts); i++) {
        masks = 0;
        assert_int_equal(count_with(counts[i], CCPI_NO_QUOTA), counts[i]);
        assert_int_equal(masks, 1 + (counts[i] > 1024));
    }
    assert_true(count_with(65537, CCPI_NO_QUOTA) >= 1); /* as many as are online */
}

TEST(a_quota_counts_if_it_is_less_and_is_rounded_up)
{
    static const struct {
        unsigned cpus;
        uint32_t quota;
        unsigned count;
    } cases[] = { { 8, 1, 1 }, { 8, 500, 1 }, { 8, 1000, 1 }, { 8, 1001, 2 }, { 8, 1500, 2 },
                  { 8, 8000, 8 }, { 8, 7999, 8 }, { 8, 9000, 8 }, { 1, 3000, 1 },
                  { 8, CCPI_NO_QUOTA, 8 } };
    for (size_t i = 0; i < LENGTH(cases); i++)
        assert_int_equal(count_with(cases[i].cpus, cases[i].quota), cases[i].count);
}

TEST(what_is_made_without_a_number_of_workers_has_so_many) /* P17 */
{
    ccp_pool_info info;
    assert_int_equal(count_with(8, 2500), 3);
    ccp_pool *p = ccp_pool_new(NULL);
    assert_non_null(p);
    ASSERT_STATUS(ccp_pool_get_info(p, &info), CCP_OK);
    assert_int_equal(info.workers, 3);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(a_quota_is_read_once_a_second)
{
    assert_int_equal(count_with(8, 2000), 2);
    unsigned before = quotas_read;
    fake_quota = 3000;
    atomic_store(&fake_now, later += CCP_SEC(1) - 1);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ccp_cpu_count(), 2);
    assert_int_equal(quotas_read, before);
    atomic_store(&fake_now, ++later);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ccp_cpu_count(), 3);
    assert_int_equal(quotas_read, before + 1);
}

/* ---- trees of files ---- */

static char root[64];

static void put(const char *path, const char *text)
{
    char full[4096];
    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *s = full + strlen(root) + 1; (s = strchr(s, '/')) != NULL; *s++ = '/') {
        *s = '\0';
        assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
    }
    int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
}

static int remove_it(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

typedef struct file {
    const char *path, *text;
} file;

/* The quota by a tree with these files. */
static uint32_t quota_of(const char *groups, const char *mounts, const file *files, size_t n)
{
    const char *dir = getenv("TMPDIR");
    snprintf(root, sizeof root, "%.40s/ccp_cpus.XXXXXX", dir ? dir : "/tmp");
    assert_non_null(mkdtemp(root));
    if (groups)
        put("/proc/self/cgroup", groups);
    if (mounts)
        put("/proc/self/mountinfo", mounts);
    for (size_t i = 0; i < n; i++)
        put(files[i].path, files[i].text);
    uint32_t quota = __real_ccpi_cpu_quota(root);
    assert_int_equal(nftw(root, remove_it, 8, FTW_DEPTH | FTW_PHYS), 0);
    return quota;
}
#define QUOTA(groups, mounts, ...)                                                             \
    quota_of(groups, mounts, (const file[]){ __VA_ARGS__ },                                    \
             sizeof((const file[]){ __VA_ARGS__ }) / sizeof(file))

#define V2 "25 1 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1 "33 32 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
#define OTHER "31 30 0:28 / /proc rw shared:3 - proc proc rw\n"

TEST(no_quota_where_none_is_set_or_nothing_can_be_read)
{
    const file none = { "/x", "" };
    assert_int_equal(QUOTA(NULL, NULL, none), CCPI_NO_QUOTA);
    assert_int_equal(QUOTA("0::/\n", NULL, none), CCPI_NO_QUOTA);
    assert_int_equal(QUOTA(NULL, V2, { "/sys/fs/cgroup/cpu.max", "1 1\n" }), CCPI_NO_QUOTA);
    assert_int_equal(QUOTA("", "", none), CCPI_NO_QUOTA);
    assert_int_equal(QUOTA("0::/\n", V2, none), CCPI_NO_QUOTA);
    assert_int_equal(QUOTA("0::/\n", OTHER, { "/sys/fs/cgroup/cpu.max", "1 1\n" }), CCPI_NO_QUOTA);
    assert_int_equal(QUOTA("0::/\n", V2, { "/sys/fs/cgroup/cpu.max", "max 100000\n" }),
                     CCPI_NO_QUOTA);
    assert_int_equal(QUOTA("4:cpu,cpuacct:/\n", V1,
                           { "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n" },
                           { "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n" }),
                     CCPI_NO_QUOTA);
}

TEST(the_quota_of_the_own_group_counts)
{
    assert_int_equal(QUOTA("0::/app\n", OTHER V2,
                           { "/sys/fs/cgroup/app/cpu.max", "150000 100000\n" }),
                     1500);
    assert_int_equal(QUOTA("0::/app", V2, { "/sys/fs/cgroup/app/cpu.max", "1 1000" }), 1);
    assert_int_equal(QUOTA("0::/app\n", V2, { "/sys/fs/cgroup/app/cpu.max", "1 3" }), 334);
    assert_int_equal(QUOTA("0::/app\n", V2, { "/sys/fs/cgroup/else/cpu.max", "1 3" }),
                     CCPI_NO_QUOTA);
}

TEST(the_least_quota_on_the_way_up_counts)
{
    static const char *const max[] = { "400000 100000\n", "200000 100000\n", "300000 100000\n" };
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(QUOTA("0::/a/b c/d\n", V2,
                               { "/sys/fs/cgroup/a/cpu.max", max[i] },
                               { "/sys/fs/cgroup/a/b c/cpu.max", max[(i + 1) % 3] },
                               { "/sys/fs/cgroup/a/b c/d/cpu.max", max[(i + 2) % 3] }),
                         2000);
    assert_int_equal(QUOTA("0::/a/b/c\n", V2, { "/sys/fs/cgroup/cpu.max", "9 1\n" }), 9000);
    assert_int_equal(QUOTA("0::/a/b/c\n", V2, { "/sys/fs/cpu.max", "9 1\n" },
                           { "/cpu.max", "9 1\n" }),
                     CCPI_NO_QUOTA); /* above the mount there are no groups */
}

TEST(version_1_has_two_files_beside_others)
{
    assert_int_equal(QUOTA("12:pids:/p\n9:cpuset:/s\n4:cpu,cpuacct:/a/b\n0::/\n", OTHER V1,
                           { "/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "250000\n" },
                           { "/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n" },
                           { "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "-1\n" },
                           { "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n" }),
                     2500);
    assert_int_equal(QUOTA("4:cpuacct,cpu:/a\n", V1,
                           { "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "250000\n" }),
                     CCPI_NO_QUOTA);
    assert_int_equal(QUOTA("4:cpuset,cpuacct:/a\n", V1,
                           { "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "250000\n" },
                           { "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n" }),
                     CCPI_NO_QUOTA);
}

TEST(of_both_versions_at_once_the_smaller_quota_counts)
{
    assert_int_equal(QUOTA("4:cpu,cpuacct:/a\n0::/b\n", V2 V1,
                           { "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "300000\n" },
                           { "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n" },
                           { "/sys/fs/cgroup/b/cpu.max", "200000 100000\n" }),
                     2000);
}

#define DOCKER "25 1 0:22 /docker/abc /sys/fs/cgroup ro - cgroup2 c rw\n"

/* There the path is that of the machine, and what is mounted begins at the container. */
TEST(in_a_container_the_group_is_found_below_its_mount)
{
    const file here = { "/sys/fs/cgroup/cpu.max", "70000 100000\n" };
    assert_int_equal(QUOTA("0::/docker/abc\n", DOCKER, here), 700);
    assert_int_equal(QUOTA("0::/docker/abc/sub\n", DOCKER,
                           { "/sys/fs/cgroup/sub/cpu.max", "60000 100000\n" }),
                     600);
    /* Another namespace of groups: the mount does not show the name. */
    assert_int_equal(QUOTA("0::/\n", DOCKER, here), 700);
    assert_int_equal(QUOTA("0::/../abc\n", V2, here), 700);
    assert_int_equal(QUOTA("0::/docker/abcdef\n", DOCKER, here), 700);
}

TEST(a_mount_that_shows_the_group_goes_before_one_that_does_not)
{
    assert_int_equal(QUOTA("0::/mine\n",
                           "25 1 0:22 /else /one ro - cgroup2 c rw\n"
                           "26 1 0:22 /mine /a\\040b ro - cgroup2 c rw\n",
                           { "/one/cpu.max", "1 1\n" }, { "/a b/cpu.max", "2 1\n" }),
                     2000);
}

TEST(what_makes_no_sense_limits_nothing)
{
    static const char *const max[] = {
        "", "\n", "x 100000", "100000", "100000 ", "100000 0", "0 100000", "-5 100000", "5 -100000",
        "100000 100000 1", "1e5 100000", "99999999999999999999999 1", "1 99999999999999999999999",
        "1000000 1", "max max", " 1 1", "999999999999999 1", "1 999999999999999",
    };
    static const char *const mounts[] = {
        "\n", " - \n", " - cgroup2\n", "25 1 0:22 / - cgroup2 c rw\n", "- cgroup2 c rw\n",
        "25 1 0:22 / /sys/fs/cgroup rw\n", "25 1 0:22 \\ \\7\\77 ro - cgroup2 c rw\n",
        "25 1 0:22 \\7 \\77 ro - cgroup2 c rw\n",
    };
    static const char *const groups[] = { "\n", ":", "::", "0:", "0:/app\n", "x\n", "0:,:/app\n" };
    for (size_t i = 0; i < LENGTH(max); i++)
        assert_int_equal(QUOTA("0::/app\n", V2, { "/sys/fs/cgroup/app/cpu.max", max[i] }),
                         CCPI_NO_QUOTA);
    for (size_t i = 0; i < LENGTH(mounts); i++)
        assert_int_equal(QUOTA("0::/app\n", mounts[i], { "/sys/fs/cgroup/app/cpu.max", "1 1\n" }),
                         CCPI_NO_QUOTA);
    for (size_t i = 0; i < LENGTH(groups); i++)
        assert_int_equal(QUOTA(groups[i], V2, { "/sys/fs/cgroup/app/cpu.max", "1 1\n" }),
                         CCPI_NO_QUOTA);
}

TEST(lines_and_paths_that_are_too_long_are_passed_over)
{
    static char deep[3000], line[3100], mounts[3200];
    for (size_t i = 0; i + 1 < sizeof deep; i++)
        deep[i] = i % 10 ? 'x' : '/';
    snprintf(line, sizeof line, "0::%s\n", deep);
    assert_int_equal(QUOTA(line, V2, { "/sys/fs/cgroup/cpu.max", "5 1\n" }), 5000);
    snprintf(mounts, sizeof mounts, "20 1 0:3 / %s ro - cgroup2 c rw\n" V2, deep);
    assert_int_equal(QUOTA("0::/\n", mounts, { "/sys/fs/cgroup/cpu.max", "5 1\n" }), 5000);
    snprintf(mounts, sizeof mounts, "20 1 0:3 / %.1050s ro - cgroup2 c rw\n" V2, deep);
    assert_int_equal(QUOTA("0::/\n", mounts, { "/sys/fs/cgroup/cpu.max", "5 1\n" }), 5000);
    for (size_t n = 960; n < 1060; n++) { /* around what just fits */
        snprintf(line, sizeof line, "0::%.*s\n", (int)n, deep);
        assert_int_equal(QUOTA(line, V2, { "/sys/fs/cgroup/cpu.max", "5 1\n" }), 5000);
    }
    memset(root, '/', sizeof root - 1);
    assert_int_equal(__real_ccpi_cpu_quota(deep), CCPI_NO_QUOTA);
}

TEST(the_system_s_own_files_can_be_read)
{
    uint32_t quota = __real_ccpi_cpu_quota("");
    assert_true(quota >= 1);
    assert_true(ccpi_cpu_share() <= ccpi_cpu_count() * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKED(a_thread_that_may_use_one_processor_counts_one),
        FAKED(more_than_1024_processors_are_counted),
        FAKED(a_quota_counts_if_it_is_less_and_is_rounded_up),
        FAKED(what_is_made_without_a_number_of_workers_has_so_many),
        FAKED(a_quota_is_read_once_a_second),
        ENTRY(no_quota_where_none_is_set_or_nothing_can_be_read),
        ENTRY(the_quota_of_the_own_group_counts),
        ENTRY(the_least_quota_on_the_way_up_counts),
        ENTRY(version_1_has_two_files_beside_others),
        ENTRY(of_both_versions_at_once_the_smaller_quota_counts),
        ENTRY(in_a_container_the_group_is_found_below_its_mount),
        ENTRY(a_mount_that_shows_the_group_goes_before_one_that_does_not),
        ENTRY(what_makes_no_sense_limits_nothing),
        ENTRY(lines_and_paths_that_are_too_long_are_passed_over),
        ENTRY(the_system_s_own_files_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
