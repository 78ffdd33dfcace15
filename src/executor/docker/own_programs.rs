//! Referee's own programs: one that waits, two that exceed limits on purpose, and one that probes system calls.
//!
//! An output volume of type tmpfs exists only while a container uses it, and a limit is believed only after a program
//! has exceeded it in vain. Both need a container that is never pulled, has no shell and no library, and is the same on
//! every engine. So these are static ELF files of at most 250 bytes, in an image made of nothing else. Below they are
//! machine code with the assembler beside it. They open no file, and the program that opens sockets sends nothing.

use std::io;

/// The name of the image. A change of any byte needs a new tag.
pub(super) const IMAGE: &str = "referee/programs:1";
/// Waits for ever.
pub(super) const WAIT: &str = "/wait";
/// Takes memory for ever, page by page.
pub(super) const TAKE_MEMORY: &str = "/take-memory";
/// Starts processes until the kernel refuses one, then exits with 7.
pub(super) const FORK: &str = "/fork";
/// Makes system calls that a sandbox must refuse. Its exit code is a [`SyscallProbe`].
pub(super) const PROBE_SYSCALLS: &str = "/probe-syscalls";
/// The mount point of the output volume in the keeper. The image contains the directory.
pub(super) const OUTPUT: &str = "/output";

/// The exit code of [`PROBE_SYSCALLS`]: one bit for each call that the kernel allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SyscallProbe(pub i64);

impl SyscallProbe {
    /// An ordinary socket (AF_UNIX). Without this bit the program did not run, and its exit code proves nothing.
    const ORDINARY: i64 = 8;
    const RESTRICTED: [(i64, &'static str); 3] = [(1, "AF_ALG"), (2, "AF_VSOCK"), (4, "io_uring")];

    /// The restricted calls that were allowed. `None` if the program did not run to its end.
    pub(super) fn allowed(self) -> Option<Vec<&'static str>> {
        let known = Self::RESTRICTED.iter().fold(Self::ORDINARY, |all, (bit, _)| all | bit);
        if self.0 & Self::ORDINARY == 0 || self.0 & !known != 0 {
            return None;
        }
        let allowed = Self::RESTRICTED.iter().filter(|(bit, _)| self.0 & bit != 0);
        Some(allowed.map(|(_, name)| *name).collect())
    }
}

/// The programs for one architecture.
struct Programs {
    /// The number of the architecture in an ELF header.
    machine: u16,
    wait: &'static [u8],
    take_memory: &'static [u8],
    fork: &'static [u8],
    probe_syscalls: &'static [u8],
}

/// The number of a system call is in rax, its arguments are in rdi and the following registers. `push n; pop rax` is
/// `mov rax, n` in three bytes. pause = 34, brk = 12, fork = 57, exit = 60, socket = 41, io_uring_setup = 425.
const X86_64: Programs = Programs {
    machine: 62,
    wait: &[
        0x6a, 0x22, 0x58, // again: push 34; pop rax
        0x0f, 0x05, //             syscall
        0xeb, 0xf9, //             jmp again
    ],
    take_memory: &[
        0x6a, 0x0c, 0x58, //                           push 12; pop rax
        0x31, 0xff, //                                 xor edi, edi
        0x0f, 0x05, //                                 syscall          (the end of the heap)
        0x48, 0x89, 0xc3, //                           mov rbx, rax
        0x48, 0x8d, 0xbb, 0x00, 0x10, 0x00, 0x00, // more: lea rdi, [rbx + 4096]
        0x6a, 0x0c, 0x58, //                           push 12; pop rax
        0x0f, 0x05, //                                 syscall          (one more page)
        0xc6, 0x03, 0x01, //                           mov byte [rbx], 1 (which allocates it)
        0x48, 0x81, 0xc3, 0x00, 0x10, 0x00, 0x00, //   add rbx, 4096
        0xeb, 0xe8, //                                 jmp more
    ],
    fork: &[
        0x6a, 0x39, 0x58, // again: push 57; pop rax
        0x0f, 0x05, //              syscall
        0x48, 0x85, 0xc0, //        test rax, rax
        0x78, 0x09, //              js refused
        0x75, 0xf4, //              jnz again        (the parent continues)
        0x6a, 0x22, 0x58, // child: push 34; pop rax
        0x0f, 0x05, //              syscall
        0xeb, 0xf9, //              jmp child
        0x6a, 0x3c, 0x58, // refused: push 60; pop rax
        0x6a, 0x07, 0x5f, //        push 7; pop rdi
        0x0f, 0x05, //              syscall
    ],
    probe_syscalls: &[
        0x31, 0xdb, //                   xor ebx, ebx
        0x6a, 0x29, 0x58, //             push 41; pop rax
        0x6a, 0x01, 0x5f, //             push 1; pop rdi   (AF_UNIX)
        0x6a, 0x01, 0x5e, //             push 1; pop rsi
        0x31, 0xd2, //                   xor edx, edx
        0x0f, 0x05, //                   syscall
        0x85, 0xc0, //                   test eax, eax
        0x78, 0x03, //                   js alg
        0x80, 0xcb, 0x08, //             or bl, 8
        0x6a, 0x29, 0x58, //       alg:  push 41; pop rax
        0x6a, 0x26, 0x5f, //             push 38; pop rdi  (AF_ALG)
        0x6a, 0x05, 0x5e, //             push 5; pop rsi
        0x0f, 0x05, //                   syscall
        0x85, 0xc0, //                   test eax, eax
        0x78, 0x03, //                   js vsock
        0x80, 0xcb, 0x01, //             or bl, 1
        0x6a, 0x29, 0x58, //      vsock: push 41; pop rax
        0x6a, 0x28, 0x5f, //             push 40; pop rdi  (AF_VSOCK)
        0x6a, 0x01, 0x5e, //             push 1; pop rsi
        0x0f, 0x05, //                   syscall
        0x85, 0xc0, //                   test eax, eax
        0x78, 0x03, //                   js ring
        0x80, 0xcb, 0x02, //             or bl, 2
        0xb8, 0xa9, 0x01, 0x00, 0x00, // ring: mov eax, 425
        0x6a, 0x01, 0x5f, //             push 1; pop rdi
        0x31, 0xf6, //                   xor esi, esi
        0x0f, 0x05, //                   syscall
        0x83, 0xf8, 0xf2, //             cmp eax, -14      (EFAULT: it was allowed)
        0x75, 0x03, //                   jne end
        0x80, 0xcb, 0x04, //             or bl, 4
        0x6a, 0x3c, 0x58, //       end:  push 60; pop rax
        0x89, 0xdf, //                   mov edi, ebx
        0x0f, 0x05, //                   syscall
    ],
};

/// The number of a system call is in x8, its arguments are in x0 and the following registers. Instructions are
/// little-endian words. ppoll = 73 (without descriptors and without a time limit it waits), brk = 214, clone = 220,
/// exit = 93, socket = 198, io_uring_setup = 425.
const AARCH64: Programs = Programs {
    machine: 183,
    wait: &[
        0x00, 0x00, 0x80, 0xd2, // again: mov x0, 0
        0x01, 0x00, 0x80, 0xd2, //        mov x1, 0
        0x02, 0x00, 0x80, 0xd2, //        mov x2, 0
        0x03, 0x00, 0x80, 0xd2, //        mov x3, 0
        0x28, 0x09, 0x80, 0xd2, //        mov x8, 73
        0x01, 0x00, 0x00, 0xd4, //        svc 0
        0xfa, 0xff, 0xff, 0x17, //        b again
    ],
    take_memory: &[
        0x00, 0x00, 0x80, 0xd2, //       mov x0, 0
        0xc8, 0x1a, 0x80, 0xd2, //       mov x8, 214
        0x01, 0x00, 0x00, 0xd4, //       svc 0
        0xf3, 0x03, 0x00, 0xaa, //       mov x19, x0
        0x34, 0x00, 0x80, 0x52, //       mov w20, 1
        0x60, 0x06, 0x40, 0x91, // more: add x0, x19, 4096
        0xc8, 0x1a, 0x80, 0xd2, //       mov x8, 214
        0x01, 0x00, 0x00, 0xd4, //       svc 0
        0x74, 0x02, 0x00, 0x39, //       strb w20, [x19]
        0x73, 0x06, 0x40, 0x91, //       add x19, x19, 4096
        0xfb, 0xff, 0xff, 0x17, //       b more
    ],
    fork: &[
        0x20, 0x02, 0x80, 0xd2, // again: mov x0, 17 (SIGCHLD)
        0x01, 0x00, 0x80, 0xd2, //        mov x1, 0
        0x02, 0x00, 0x80, 0xd2, //        mov x2, 0
        0x03, 0x00, 0x80, 0xd2, //        mov x3, 0
        0x04, 0x00, 0x80, 0xd2, //        mov x4, 0
        0x88, 0x1b, 0x80, 0xd2, //        mov x8, 220
        0x01, 0x00, 0x00, 0xd4, //        svc 0
        0x1f, 0x00, 0x00, 0xf1, //        cmp x0, 0
        0x2b, 0x01, 0x00, 0x54, //        b.lt refused
        0xe1, 0xfe, 0xff, 0x54, //        b.ne again
        0x00, 0x00, 0x80, 0xd2, // child: mov x0, 0
        0x01, 0x00, 0x80, 0xd2, //        mov x1, 0
        0x02, 0x00, 0x80, 0xd2, //        mov x2, 0
        0x03, 0x00, 0x80, 0xd2, //        mov x3, 0
        0x28, 0x09, 0x80, 0xd2, //        mov x8, 73
        0x01, 0x00, 0x00, 0xd4, //        svc 0
        0xfa, 0xff, 0xff, 0x17, //        b child
        0xe0, 0x00, 0x80, 0xd2, // refused: mov x0, 7
        0xa8, 0x0b, 0x80, 0xd2, //        mov x8, 93
        0x01, 0x00, 0x00, 0xd4, //        svc 0
    ],
    probe_syscalls: &[
        0x13, 0x00, 0x80, 0x52, //        mov w19, 0
        0x20, 0x00, 0x80, 0xd2, //        mov x0, 1 (AF_UNIX)
        0x21, 0x00, 0x80, 0xd2, //        mov x1, 1
        0x02, 0x00, 0x80, 0xd2, //        mov x2, 0
        0xc8, 0x18, 0x80, 0xd2, //        mov x8, 198
        0x01, 0x00, 0x00, 0xd4, //        svc 0
        0x40, 0x00, 0xf8, 0x37, //        tbnz w0, 31, alg
        0x73, 0x02, 0x1d, 0x32, //        orr w19, w19, 8
        0xc0, 0x04, 0x80, 0xd2, //   alg: mov x0, 38 (AF_ALG)
        0xa1, 0x00, 0x80, 0xd2, //        mov x1, 5
        0x02, 0x00, 0x80, 0xd2, //        mov x2, 0
        0xc8, 0x18, 0x80, 0xd2, //        mov x8, 198
        0x01, 0x00, 0x00, 0xd4, //        svc 0
        0x40, 0x00, 0xf8, 0x37, //        tbnz w0, 31, vsock
        0x73, 0x02, 0x00, 0x32, //        orr w19, w19, 1
        0x00, 0x05, 0x80, 0xd2, // vsock: mov x0, 40 (AF_VSOCK)
        0x21, 0x00, 0x80, 0xd2, //        mov x1, 1
        0x02, 0x00, 0x80, 0xd2, //        mov x2, 0
        0xc8, 0x18, 0x80, 0xd2, //        mov x8, 198
        0x01, 0x00, 0x00, 0xd4, //        svc 0
        0x40, 0x00, 0xf8, 0x37, //        tbnz w0, 31, ring
        0x73, 0x02, 0x1f, 0x32, //        orr w19, w19, 2
        0x20, 0x00, 0x80, 0xd2, //  ring: mov x0, 1
        0x01, 0x00, 0x80, 0xd2, //        mov x1, 0
        0x28, 0x35, 0x80, 0xd2, //        mov x8, 425
        0x01, 0x00, 0x00, 0xd4, //        svc 0
        0x1f, 0x38, 0x00, 0x31, //        cmn w0, 14 (EFAULT: it was allowed)
        0x41, 0x00, 0x00, 0x54, //        b.ne end
        0x73, 0x02, 0x1e, 0x32, //        orr w19, w19, 4
        0xe0, 0x03, 0x13, 0x2a, //   end: mov w0, w19
        0xa8, 0x0b, 0x80, 0xd2, //        mov x8, 93
        0x01, 0x00, 0x00, 0xd4, //        svc 0
    ],
};

/// The image's root file system, a tar archive. `architecture` is the engine's word for it.
///
/// # Errors
/// When there are no programs for the architecture.
pub(super) fn root_fs(architecture: &str) -> io::Result<Vec<u8>> {
    let programs = match architecture {
        "x86_64" | "amd64" => X86_64,
        "aarch64" | "arm64" => AARCH64,
        other => {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!("Referee has no programs for the architecture `{other}`"),
            ));
        }
    };
    let mut tar = tar::Builder::new(Vec::new());
    for (name, code) in [
        (WAIT, programs.wait),
        (TAKE_MEMORY, programs.take_memory),
        (FORK, programs.fork),
        (PROBE_SYSCALLS, programs.probe_syscalls),
    ] {
        let file = elf(programs.machine, code);
        let mut header = header(tar::EntryType::Regular, 0o555);
        header.set_size(file.len() as u64);
        tar.append_data(&mut header, name.trim_start_matches('/'), file.as_slice())?;
    }
    let mut directory = header(tar::EntryType::Directory, 0o755);
    tar.append_data(&mut directory, OUTPUT.trim_start_matches('/'), io::empty())?;
    tar.into_inner()
}

fn header(kind: tar::EntryType, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(0);
    header
}

/// The smallest static executable: an ELF header (64 bytes), one program header (56 bytes) that maps the file at 4 MiB
/// as readable and executable, and the code. See elf(5).
fn elf(machine: u16, code: &[u8]) -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    const HEADERS: u64 = 64 + 56;
    let length = HEADERS + code.len() as u64;
    let mut file = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.extend(b"\x7fELF\x02\x01\x01"); // 64 bits, little-endian, version 1
    file.extend([0; 9]);
    file.extend(2u16.to_le_bytes()); // an executable
    file.extend(machine.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    file.extend((BASE + HEADERS).to_le_bytes()); // the first instruction
    file.extend(64u64.to_le_bytes()); // program headers follow at once
    file.extend(0u64.to_le_bytes()); // no section headers
    file.extend(0u32.to_le_bytes()); // no flags
    for half in [64u16, 56, 1, 64, 0, 0] {
        file.extend(half.to_le_bytes()); // sizes and numbers of headers
    }
    file.extend(1u32.to_le_bytes()); // to be loaded
    file.extend(5u32.to_le_bytes()); // read and execute
    for word in [0, BASE, BASE, length, length, 0x1000] {
        file.extend(u64::to_le_bytes(word)); // offset, addresses, sizes, alignment
    }
    file.extend(code);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_small_and_have_a_correct_header() {
        for (programs, machine) in [(X86_64, 62), (AARCH64, 183)] {
            let file = elf(programs.machine, programs.wait);
            assert_eq!(&file[..4], b"\x7fELF");
            assert_eq!(file[18], machine);
            assert_eq!(file.len(), 120 + programs.wait.len());
        }
        let lengths = [X86_64, AARCH64].map(|programs| programs.probe_syscalls.len());
        assert_eq!(lengths, [85, 32 * 4]);
        assert!(root_fs("riscv64").is_err());
        assert!(root_fs("x86_64").unwrap().len() < 10 * 1024);
    }

    #[test]
    fn an_exit_code_names_the_allowed_calls() {
        assert_eq!(SyscallProbe(8).allowed(), Some(vec![]));
        assert_eq!(SyscallProbe(9).allowed(), Some(vec!["AF_ALG"]));
        assert_eq!(SyscallProbe(14).allowed(), Some(vec!["AF_VSOCK", "io_uring"]));
        for nothing in [0, 7, 127, 137, -1] {
            assert_eq!(SyscallProbe(nothing).allowed(), None, "{nothing}");
        }
    }
}
