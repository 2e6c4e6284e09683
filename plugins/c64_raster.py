"""Commodore 64 viewers that depend on the raster: FLI in one frame or two, two frames in turn, and 64 sprites.

FLI forces a bad line on every line of the picture (https://codebase64.org/doku.php?id=base:fli; Christian Bauer, "The
MOS 6567/6569 video controller (VIC-II)", 1996, which has the cycles of every line, too). The picture starts in line 48,
three lines above the usual window, as no bad line can be forced below line 247. So the upper and lower borders are held
open, and show the border's colour from the background register: just below the picture the video chip looks at an empty
bitmap at $2000, elsewhere at a zero at the end of its bank. An interrupt is not needed: three looks at the raster
register, a line apart, halve an uncertainty of seven cycles down to none. In every later line the chip itself stops the
processor until cycle 55.

A line has 63 cycles on a PAL machine, 65 on NTSC and Argentina's PAL-N, 64 on the first NTSC machines. MEASURE_CODE
lets a timer count 32 lines, and writes instructions of 2, 3 or 4 cycles into the two slots that every line passes.
"""

from __future__ import annotations

FRAME = 0x0900
"""Code that runs once a frame; at a page of its own, where no loop that is counted crosses the end of one."""

SCREEN_TABLE, SCROLL_TABLE = 0x0A00, 0x0B00
"""What $D018 and $D011 get in each line of the picture, the last line first."""

LINES = 200

WAIT, MEASURE = 0x0C00, 0x0C08
WAIT_SLOT, LINE_SLOT = 0x0C05, 0x0965
"""Two bytes of code each, which are written before the first frame."""

SLOTS = bytes.fromhex("EA 24 C9 C9  EA 02 00 00")
"""NOP NOP, BIT and CMP: 4, 3 and 2 cycles for lines of 65, 64 and 63; the first bytes of all, then the second."""

SLOT_FIRST, SLOT_SECOND = 0x0C4A, 0x0C4E

PREPARE_CODE = """
8D FF 7F    sta $7FFF       ; 0: what the chip shows where it has no picture
A5 FC       lda PLAIN
49 01       eor #$01
85 FD       sta BANK        ; at $4000
AD FD 0B    lda CONTROL
29 FE       and #$FE        ; the first frame, whatever was shown last before another RUN
8D FD 0B    sta CONTROL
8D 16 D0    sta $D016
A9 08       lda #$08        ; the first screen of the bank, the bitmap in its upper half
8D 18 D0    sta $D018
"""

# Self-modifying: the high bytes of its addresses count up. It comes right after PREPARE_CODE, which fixes them.
MOVE_CODE = """
A9 90       lda #$90        ; from where, and to where: another RUN starts anew
8D 82 08    sta $0882
A9 D0       lda #$D0
8D 85 08    sta $0885
A9 80       lda #$80
8D 9C 08    sta $089C
A9 C0       lda #$C0
8D 9F 08    sta $089F
A9 A0       lda #$A0
8D B2 08    sta $08B2
A9 E0       lda #$E0
8D B5 08    sta $08B5
A9 34       lda #$34        ; nothing but RAM: a part goes to where the registers are
85 01       sta $01
A2 00       ldx #$00
BD 00 90    lda $9000,x
9D 00 D0    sta $D000,x
E8          inx
D0 F7       bne *-7
EE 82 08    inc $0882
EE 85 08    inc $0885
AD 85 08    lda $0885
C9 E0       cmp #$E0
D0 EA       bne *-20
A9 36       lda #$36        ; RAM in place of BASIC
85 01       sta $01
BD 00 80    lda $8000,x
9D 00 C0    sta $C000,x
E8          inx
D0 F7       bne *-7
EE 9C 08    inc $089C
EE 9F 08    inc $089F
AD 9F 08    lda $089F
C9 D0       cmp #$D0
D0 EA       bne *-20
BD 00 A0    lda $A000,x
9D 00 E0    sta $E000,x
E8          inx
D0 F7       bne *-7
EE B2 08    inc $08B2
EE B5 08    inc $08B5
D0 EF       bne *-15        ; until $FFFF is passed
8E FF FF    stx $FFFF       ; as $7FFF
A9 37       lda #$37
85 01       sta $01
"""

JUMP_CODE = """
4C 08 0C    jmp MEASURE
"""

WAIT_LINE_CODE = """
A0 07       ldy #7          ; with the call 50 cycles, or 51 or 52 where a line is longer
88          dey
D0 FD       bne *-1
C9 00       cmp #0          ; WAIT_SLOT: 2 cycles, or 3 or 4
60          rts
"""

MEASURE_CODE = """
A9 2E       lda #$2E        ; counts down to 16, 48 or 80, more or less, and 256s
8D 06 DD    sta $DD06
A0 11       ldy #$11        ; start, in processor cycles
2C 11 D0    bit $D011       ; wait for the last lines of the frame
10 FB       bpl *-3
2C 11 D0    bit $D011       ; and for the first of the next: no bad line before 48
30 FB       bmi *-3
A9 08       lda #8
CD 12 D0    cmp $D012
D0 FB       bne *-3
8C 0F DD    sty $DD0F       ; timer B of the second interface chip, which nobody else needs
A9 28       lda #40         ; 32 lines later
CD 12 D0    cmp $D012
D0 FB       bne *-3
AD 06 DD    lda $DD06
4A          lsr
4A          lsr
4A          lsr
4A          lsr
4A          lsr
29 03       and #3
AA          tax             ; 0: 65 cycles a line, 1: 64, 2: 63
BD 4A 0C    lda SLOT_FIRST,x
8D 65 09    sta LINE_SLOT
8D 05 0C    sta WAIT_SLOT
BD 4E 0C    lda SLOT_SECOND,x
8D 66 09    sta LINE_SLOT+1
8D 06 0C    sta WAIT_SLOT+1
4C 00 09    jmp FRAME
"""

RASTER_CODE = """
2C 11 D0    bit $D011       ; wait for the last lines of the frame
10 FB       bpl *-3
2C 11 D0    bit $D011       ; and for the first of the next
30 FB       bmi *-3
A9 28       lda #40
CD 12 D0    cmp $D012       ; line 40: left 0 to 6 cycles after its start
D0 FB       bne *-3
20 00 0C    jsr WAIT
EA          nop
EA          nop
CD 12 D0    cmp $D012       ; still line 40: 4 to 6 cycles early
D0 03       bne *+5
EA          nop
24 02       bit STATE       ; 4 cycles more than the branch
A9 29       lda #41
20 00 0C    jsr WAIT
EA          nop
CD 12 D0    cmp $D012       ; still line 41: 2 or 3 cycles early
D0 02       bne *+4
24 02       bit STATE       ; 2 cycles more
A9 2A       lda #42
20 00 0C    jsr WAIT
24 02       bit STATE
CD 12 D0    cmp $D012       ; still line 42: a cycle early
D0 01       bne *+3
EA          nop             ; 1 cycle more: from here on every cycle is known
A5 FD       lda BANK
8D 00 DD    sta $DD00
A9 08       lda #$08        ; screen 0
8D 18 D0    sta $D018
A9 38       lda #$38        ; bitmap, 25 rows; line 48 will be a bad line
8D 11 D0    sta $D011
A2 05       ldx #5          ; with the three that follow 282 cycles, or as many more as five lines are longer
20 00 0C    jsr WAIT
CA          dex
D0 FA       bne *-4
EA          nop
EA          nop
EA          nop
AD FE 0B    lda BACKGROUND  ; between the lines 47 and 48
8D 21 D0    sta $D021
AD FD 0B    lda CONTROL
8D 16 D0    sta $D016
A2 C7       ldx #199
A4 FC       ldy PLAIN
EA          nop             ; here the chip stops the processor until cycle 55 of line 48
24 02       bit STATE
C9 00       cmp #0          ; LINE_SLOT: 2 cycles, or 3 or 4
BD 00 0A    lda SCREEN_TABLE,x  ; 23 cycles in all, or 24 or 25, and 40 that the chip takes, are a line
8D 18 D0    sta $D018
BD 00 0B    lda SCROLL_TABLE,x
8D 11 D0    sta $D011       ; written in cycle 14: a bad line that comes late
CA          dex
D0 EF       bne *-15
8C 00 DD    sty $DD00       ; eight lines go on without a picture: at $2000 they find nothing
A9 D8       lda #$D8
8D 16 D0    sta $D016
AD FF 0B    lda BORDER
8D 21 D0    sta $D021
A9 30       lda #$30        ; 24 rows: line 247 has passed, so the lower border stays open
8D 11 D0    sta $D011
"""

LACE_CODE = """
AD FE 0B    lda BACKGROUND
8D 21 D0    sta $D021
A9 3B       lda #$3B        ; bitmap, screen on, 25 rows
8D 11 D0    sta $D011
4C 00 09    jmp FRAME
"""

FLIP_CODE = """
A5 FD       lda BANK        ; below the picture: the last thing done was to wait for it
8D 00 DD    sta $DD00
AD FD 0B    lda CONTROL
8D 16 D0    sta $D016
"""

NEXT_CODE = """
A5 FD       lda BANK        ; the other frame, if there is one
4D FA 0B    eor FLIP
85 FD       sta BANK
AD FD 0B    lda CONTROL
4D FB 0B    eor SHIFT
8D FD 0B    sta CONTROL
"""

# Once a frame: Z is set by KEYS while no key is down.
KEY_CODE = """
20 0D 08    jsr KEYS
F0 0B       beq *+13
A5 02       lda STATE       ; a key is down: the one that was waited for?
C9 01       cmp #1
D0 02       bne *+4
E6 02       inc STATE
4C 00 09    jmp FRAME
A5 02       lda STATE
C9 01       cmp #1
F0 F7       beq *-7
E6 02       inc STATE       ; 1: the RETURN of RUN is up; 3: the key is up, so that BASIC does not type it
A5 02       lda STATE
C9 03       cmp #3
D0 EF       bne *-15
A5 FC       lda PLAIN
8D 00 DD    sta $DD00
"""

# The sprites' registers are written row after row, in the lines between two rows.
SPRITES_CODE = """
8D 17 D0    sta $D017       ; not expanded
8D 1D D0    sta $D01D
8D 1B D0    sta $D01B       ; before the screen
AD FB 0B    lda WIDE
8D 1C D0    sta $D01C
AD FC 0B    lda SHARED_1
8D 25 D0    sta $D025
AD FD 0B    lda SHARED_2
8D 26 D0    sta $D026
AD FE 0B    lda BACKGROUND
8D 21 D0    sta $D021
A2 00       ldx #0
A9 58       lda #88         ; 192 dots in the middle of 320
9D 00 D0    sta $D000,x
69 18       adc #24         ; carry is clear: CPX leaves it so below 16
E8          inx
E8          inx
E0 10       cpx #16
D0 F5       bne *-9
A9 80       lda #$80        ; the last one is at 256
8D 10 D0    sta $D010
A9 FF       lda #$FF
8D 15 D0    sta $D015
A9 C8       lda #$C8        ; no multicolor, 40 columns
8D 16 D0    sta $D016
A9 34       lda #$34        ; screen at $0C00, the KERNAL's characters
8D 18 D0    sta $D018
A9 1B       lda #$1B        ; text, screen on, 25 rows
8D 11 D0    sta $D011
4C 00 09    jmp FRAME
"""

ROWS_CODE = """
2C 11 D0    bit $D011       ; wait for the last lines of the frame
10 FB       bpl *-3
2C 11 D0    bit $D011       ; and for the first of the next
30 FB       bmi *-3
A9 32       lda #50         ; the first row starts in line 51
85 FD       sta Y_NOW
A9 80       lda #$80        ; sprites from $2000
85 FE       sta POINTER
A2 00       ldx #0
A4 FD       ldy Y_NOW
88          dey
88          dey
88          dey
CC 12 D0    cpy $D012       ; until the row above has ended, four lines before this one starts
D0 FB       bne *-3
A5 FD       lda Y_NOW
8D 01 D0    sta $D001
8D 03 D0    sta $D003
8D 05 D0    sta $D005
8D 07 D0    sta $D007
8D 09 D0    sta $D009
8D 0B D0    sta $D00B
8D 0D D0    sta $D00D
8D 0F D0    sta $D00F
A4 FE       ldy POINTER
8C F8 0F    sty $0FF8
C8          iny
8C F9 0F    sty $0FF9
C8          iny
8C FA 0F    sty $0FFA
C8          iny
8C FB 0F    sty $0FFB
C8          iny
8C FC 0F    sty $0FFC
C8          iny
8C FD 0F    sty $0FFD
C8          iny
8C FE 0F    sty $0FFE
C8          iny
8C FF 0F    sty $0FFF
C8          iny
84 FE       sty POINTER
BD 00 10    lda OWN,x
8D 27 D0    sta $D027
E8          inx
BD 00 10    lda OWN,x
8D 28 D0    sta $D028
E8          inx
BD 00 10    lda OWN,x
8D 29 D0    sta $D029
E8          inx
BD 00 10    lda OWN,x
8D 2A D0    sta $D02A
E8          inx
BD 00 10    lda OWN,x
8D 2B D0    sta $D02B
E8          inx
BD 00 10    lda OWN,x
8D 2C D0    sta $D02C
E8          inx
BD 00 10    lda OWN,x
8D 2D D0    sta $D02D
E8          inx
BD 00 10    lda OWN,x
8D 2E D0    sta $D02E
E8          inx
A5 FD       lda Y_NOW
18          clc
69 19       adc #25
85 FD       sta Y_NOW
E0 40       cpx #64
F0 03       beq *+5
4C 14 09    jmp $0914
"""


def tables() -> tuple[bytes, bytes]:
    """For each line of the picture, the last one first, the screen ($D018, the bitmap in the upper half of the bank)
    and the scroll register that makes it a bad line ($D011, bitmap, 25 rows). The first line is 48, a multiple of 8."""
    lines = range(LINES, 0, -1)
    return bytes((line & 7) << 4 | 0x08 for line in lines), bytes(0x38 | line & 7 for line in lines)
