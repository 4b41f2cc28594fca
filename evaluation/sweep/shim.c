/* Faults below the interpreter: the same as inject.py makes, at the calls of libc that change something, made by the one
   process that armed itself. Loaded with LD_PRELOAD; cc -shared -fPIC -O1 -o shim.so shim.c */
#define _GNU_SOURCE
#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COUNT, KILL, TORN, SHORT, FAIL_EIO, FAIL_ENOSPC, FULL, SYNC };
enum { CREATES = 1, WRITES = 2, SYNCS = 4 };

static pid_t armed;
static int fault, at, seen, report;

#define REAL(name, type, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

void sweep_arm(int kind, int number, int fd) {
  fault = kind, at = number, seen = 0, report = fd, armed = getpid();
}

static void say(const char *word, const char *op, const char *path) {
  char line[600];
  int size = snprintf(line, sizeof line, "%s %s %.480s\n", word, op, path);
  int kept = errno;
  (void)!REAL(write, ssize_t, int, const void *, size_t)(report, line, size);
  errno = kept;
}

/* What is to happen here? Of FULL, TORN and SHORT the caller does the rest. */
static int now(const char *op, const char *path, int traits) {
  if (!armed || getpid() != armed) return COUNT;
  if (fault == SHORT && !(traits & WRITES)) return COUNT;
  if ((fault == FAIL_ENOSPC || fault == FULL) && !(traits & CREATES)) return COUNT;
  if (fault == SYNC && !(traits & SYNCS)) return COUNT;
  seen++;
  say("call", op, path);
  if (fault == COUNT || seen < at || (seen > at && fault != FULL)) return COUNT;
  say("hit", op, path);
  if (fault == KILL) _exit(137);
  if (fault == FAIL_EIO || fault == SYNC) errno = EIO;
  if (fault == FAIL_ENOSPC || fault == FULL) errno = ENOSPC;
  return fault;
}

static int about(const char *op, int fd, int traits) {
  char name[64], path[512];
  struct stat found;
  if (!armed || getpid() != armed || fd == report) return COUNT;
  if (!(traits & SYNCS) && (fstat(fd, &found) || !S_ISREG(found.st_mode))) return COUNT;
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(name, path, sizeof path - 1);
  path[size < 0 ? 0 : size] = 0;
  return now(op, path, traits);
}

/* TORN of a call that is no write: it is done, and the process is gone. */
#define CALL(what, real)                            \
  do {                                              \
    int what_now = what;                            \
    if (what_now == COUNT || what_now == SHORT) return real; \
    if (what_now != TORN) return -1;                \
    (void)!(real);                                  \
    _exit(137);                                     \
  } while (0)

#define HALVED(what, size, real_all, real_half)     \
  do {                                              \
    int what_now = what;                            \
    if (what_now == COUNT) return real_all;         \
    if (what_now != TORN && what_now != SHORT) return -1; \
    ssize_t done = (size) > 1 ? real_half : real_all; \
    if (what_now == TORN) _exit(137);               \
    return done;                                    \
  } while (0)

#define CHANGES(flags) (((flags) & (O_CREAT | O_TRUNC)) || ((flags) & O_TMPFILE) == O_TMPFILE)
#define MODE(flags)                                 \
  mode_t mode = 0;                                  \
  if (CHANGES(flags)) {                             \
    va_list rest;                                   \
    va_start(rest, flags);                          \
    mode = va_arg(rest, mode_t);                    \
    va_end(rest);                                   \
  }

#define OPEN(name)                                                                        \
  int name(const char *path, int flags, ...) {                                            \
    MODE(flags)                                                                           \
    CALL(CHANGES(flags) ? now("open", path, CREATES) : COUNT,                        \
         REAL(name, int, const char *, int, ...)(path, flags, mode));                     \
  }
#define OPENAT(name)                                                                      \
  int name(int folder, const char *path, int flags, ...) {                                \
    MODE(flags)                                                                           \
    CALL(CHANGES(flags) ? now("open", path, CREATES) : COUNT,                        \
         REAL(name, int, int, const char *, int, ...)(folder, path, flags, mode));        \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void *data, size_t size) {
  HALVED(about("write", fd, CREATES | WRITES), size,
         REAL(write, ssize_t, int, const void *, size_t)(fd, data, size),
         REAL(write, ssize_t, int, const void *, size_t)(fd, data, size / 2));
}
#define PWRITE(name)                                                                      \
  ssize_t name(int fd, const void *data, size_t size, off_t offset) {                     \
    HALVED(about("pwrite", fd, CREATES | WRITES), size,                                   \
           REAL(name, ssize_t, int, const void *, size_t, off_t)(fd, data, size, offset), \
           REAL(name, ssize_t, int, const void *, size_t, off_t)(fd, data, size / 2, offset)); \
  }
PWRITE(pwrite)
PWRITE(pwrite64)
#define SENDFILE(name)                                                                    \
  ssize_t name(int out, int in, off_t *offset, size_t size) {                             \
    struct stat found;                                                                    \
    size_t whole = fstat(in, &found) ? size : (size_t)found.st_size;                      \
    HALVED(about("sendfile", out, CREATES | WRITES), whole,                               \
           REAL(name, ssize_t, int, int, off_t *, size_t)(out, in, offset, size),         \
           REAL(name, ssize_t, int, int, off_t *, size_t)(out, in, offset, whole / 2));   \
  }
SENDFILE(sendfile)
SENDFILE(sendfile64)

#define SYNCING(name) \
  int name(int fd) { CALL(about(#name, fd, SYNCS), REAL(name, int, int)(fd)); }
SYNCING(fsync)
SYNCING(fdatasync)

#define TRUNCATE(name) \
  int name(int fd, off_t size) { CALL(about("ftruncate", fd, 0), REAL(name, int, int, off_t)(fd, size)); }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)
#define ALLOCATE(name)                                                   \
  int name(int fd, int mode, off_t start, off_t size) {                  \
    CALL(about("fallocate", fd, 0), REAL(name, int, int, int, off_t, off_t)(fd, mode, start, size)); \
  }
ALLOCATE(fallocate)
ALLOCATE(fallocate64)

int fchmod(int fd, mode_t mode) { CALL(about("fchmod", fd, 0), REAL(fchmod, int, int, mode_t)(fd, mode)); }
int chmod(const char *path, mode_t mode) { CALL(now("chmod", path, 0), REAL(chmod, int, const char *, mode_t)(path, mode)); }
int mkdir(const char *path, mode_t mode) { CALL(now("mkdir", path, CREATES), REAL(mkdir, int, const char *, mode_t)(path, mode)); }
int unlink(const char *path) { CALL(now("unlink", path, 0), REAL(unlink, int, const char *)(path)); }
int unlinkat(int folder, const char *path, int flags) {
  CALL(now("unlink", path, 0), REAL(unlinkat, int, int, const char *, int)(folder, path, flags));
}
int rename(const char *from, const char *to) {
  CALL(now("rename", to, 0), REAL(rename, int, const char *, const char *)(from, to));
}
int renameat(int a, const char *from, int b, const char *to) {
  CALL(now("rename", to, 0), REAL(renameat, int, int, const char *, int, const char *)(a, from, b, to));
}
int link(const char *from, const char *to) {
  CALL(now("link", to, CREATES), REAL(link, int, const char *, const char *)(from, to));
}
int linkat(int a, const char *from, int b, const char *to, int flags) {
  CALL(now("link", to, CREATES), REAL(linkat, int, int, const char *, int, const char *, int)(a, from, b, to, flags));
}
