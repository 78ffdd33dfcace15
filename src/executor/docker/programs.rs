//! The programs that we run ourselves: one that waits, and two that run into limits on purpose.
//!
//! An output volume of type tmpfs lives only while a container holds it, and a limit is only
//! believed once it was seen to bite. Both need a container that nobody has to pull, that holds
//! no shell and no library, and that is the same on every engine. So these are static ELF files
//! of about 160 bytes, written out below as machine code with its assembler beside it, in an
//! image made from nothing else. They open no file and no socket.

use std::io;

/// The name under which the image is kept. A change of any byte needs a new tag.
pub(super) const IMAGE: &str = "referee/holder:1";
/// Waits for ever.
pub(super) const HOLD: &str = "/hold";
/// Takes memory, page by page, for ever.
pub(super) const HOG: &str = "/hog";
/// Starts processes until the kernel refuses one, then exits with 7.
pub(super) const FORKS: &str = "/forks";
/// Where the output volume is mounted in the holder; the directory is in the image.
pub(super) const OUTPUT: &str = "/output";

/// The three programs for one kind of processor, and its number in an ELF header.
struct Programs {
    machine: u16,
    hold: &'static [u8],
    hog: &'static [u8],
    forks: &'static [u8],
}

/// System calls by number in rax, arguments in rdi and on; `push n; pop rax` is `mov rax, n` in
/// three bytes. pause = 34, brk = 12, fork = 57, exit = 60.
const X86_64: Programs = Programs {
    machine: 62,
    hold: &[
        0x6a, 0x22, 0x58, // again: push 34; pop rax
        0x0f, 0x05, //             syscall
        0xeb, 0xf9, //             jmp again
    ],
    hog: &[
        0x6a, 0x0c, 0x58, //                           push 12; pop rax
        0x31, 0xff, //                                 xor edi, edi
        0x0f, 0x05, //                                 syscall          (where the heap ends)
        0x48, 0x89, 0xc3, //                           mov rbx, rax
        0x48, 0x8d, 0xbb, 0x00, 0x10, 0x00, 0x00, // more: lea rdi, [rbx + 4096]
        0x6a, 0x0c, 0x58, //                           push 12; pop rax
        0x0f, 0x05, //                                 syscall          (one page more)
        0xc6, 0x03, 0x01, //                           mov byte [rbx], 1 (which makes it real)
        0x48, 0x81, 0xc3, 0x00, 0x10, 0x00, 0x00, //   add rbx, 4096
        0xeb, 0xe8, //                                 jmp more
    ],
    forks: &[
        0x6a, 0x39, 0x58, // again: push 57; pop rax
        0x0f, 0x05, //              syscall
        0x48, 0x85, 0xc0, //        test rax, rax
        0x78, 0x09, //              js refused
        0x75, 0xf4, //              jnz again        (the parent goes on)
        0x6a, 0x22, 0x58, // child: push 34; pop rax
        0x0f, 0x05, //              syscall
        0xeb, 0xf9, //              jmp child
        0x6a, 0x3c, 0x58, // refused: push 60; pop rax
        0x6a, 0x07, 0x5f, //        push 7; pop rdi
        0x0f, 0x05, //              syscall
    ],
};

/// System calls by number in x8, arguments in x0 and on; instructions are little-endian words.
/// ppoll = 73 (with no descriptors and no time: it waits), brk = 214, clone = 220, exit = 93.
const AARCH64: Programs = Programs {
    machine: 183,
    hold: &[
        0x00, 0x00, 0x80, 0xd2, // again: mov x0, 0
        0x01, 0x00, 0x80, 0xd2, //        mov x1, 0
        0x02, 0x00, 0x80, 0xd2, //        mov x2, 0
        0x03, 0x00, 0x80, 0xd2, //        mov x3, 0
        0x28, 0x09, 0x80, 0xd2, //        mov x8, 73
        0x01, 0x00, 0x00, 0xd4, //        svc 0
        0xfa, 0xff, 0xff, 0x17, //        b again
    ],
    hog: &[
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
    forks: &[
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
};

/// The image's root file system for the engine's architecture, as `/info` names it.
///
/// # Errors
/// When there is no program for that architecture.
pub(super) fn root_fs(architecture: &str) -> io::Result<Vec<u8>> {
    let programs = match architecture {
        "x86_64" | "amd64" => X86_64,
        "aarch64" | "arm64" => AARCH64,
        other => {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!("no holder program for the architecture `{other}`"),
            ));
        }
    };
    let mut tar = tar::Builder::new(Vec::new());
    for (name, code) in [
        (HOLD, programs.hold),
        (HOG, programs.hog),
        (FORKS, programs.forks),
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

/// The smallest static executable: an ELF header (64 bytes), one program header (56 bytes) that
/// maps the file readable and executable at 4 MiB, and the code. See elf(5).
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
    fn programs_are_small_and_headed_right() {
        for (programs, machine) in [(X86_64, 62), (AARCH64, 183)] {
            let file = elf(programs.machine, programs.hold);
            assert_eq!(&file[..4], b"\x7fELF");
            assert_eq!(file[18], machine);
            assert_eq!(file.len(), 120 + programs.hold.len());
        }
        assert!(root_fs("riscv64").is_err());
        assert!(root_fs("x86_64").unwrap().len() < 10 * 1024);
    }
}
