"""Machine code of the Commodore 64 program that shows moving pictures: see ``c64_animation``, and ``c64_viewer`` for
how to read a listing.

Two screens, at $5C00 and $DC00, take turns: while one is seen the other is changed. They are $8000 apart, so that the
way from one to the other is the same in both directions. An interrupt below the picture counts the frames of the
television; of 60 in a second it leaves out every sixth. All of it runs without the KERNAL, whose place the second
bitmap has.
"""

from __future__ import annotations

RESTORE = 0x080D
"""What the key of that name leads to."""

PICTURE, FLIP_SCREENS, UNPACK, COUNT_FRAMES = 0x08DC, 0x0966, 0x09B8, 0x0A6B
"""Where the parts of the code are."""

HEAD = 0x0AB0
"""What comes with a picture: its time in frames, background, two shared colours, which pages of colour RAM change."""

BORDER = 0x0AB5
"""Then $D011 and $D016, where the stream goes on, the hidden screen, and whether that has no picture yet."""

STREAM = 0x0AC0

RESTORED_CODE = """
48          pha             ; RESTORE, while the KERNAL is out of sight
A5 01       lda $01
48          pha
A9 35       lda #$35
85 01       sta $01
AD 0D DD    lda $DD0D       ; acknowledged, so that another can come
68          pla
85 01       sta $01
68          pla
40          rti
"""

PREPARE_CODE = """
78          sei
A9 0B       lda #$0B        ; screen off until all is in place
8D 11 D0    sta $D011
A9 7F       lda #$7F        ; no interrupts of the KERNAL's clock: CINT starts it again
8D 0D DC    sta $DC0D
AD 0D DC    lda $DC0D
A9 00       lda #$00
8D 15 D0    sta $D015       ; no sprites
8D 00 DC    sta $DC00       ; all rows of the keyboard at once
85 02       sta STATE       ; no key was looked at yet
85 61       sta SIXTY       ; 50 frames a second
2C 11 D0    bit $D011       ; wait for the last lines of the frame
10 FB       bpl *-3
AD 12 D0    lda $D012       ; the last is 311 where there are 50, 262 where there are 60
C9 20       cmp #$20
B0 09       bcs *+11
2C 11 D0    bit $D011
30 F4       bmi *-10
A9 06       lda #6
85 61       sta SIXTY
AD BB 0A    lda COLD        ; has the second screen its picture?
F0 22       beq *+36
A9 34       lda #$34        ; nothing but RAM: the screen lies where the registers are
85 01       sta $01
A0 00       ldy #$00
8C BB 0A    sty COLD
84 5B       sty FROM
84 59       sty DST
A9 5C       lda #$5C        ; from $5C00-$7FFF to $DC00-$FFFF
85 5C       sta FROM+1
A9 DC       lda #$DC
85 5A       sta DST+1
B1 5B       lda (FROM),y
91 59       sta (DST),y
C8          iny
D0 F9       bne *-5
E6 5C       inc FROM+1
E6 5A       inc DST+1
D0 F3       bne *-11
A9 35       lda #$35        ; RAM and registers
85 01       sta $01
A9 0D       lda #$0D
8D FA FF    sta $FFFA
A9 08       lda #$08
8D FB FF    sta $FFFB
A9 6B       lda #$6B
8D FE FF    sta $FFFE
A9 0A       lda #$0A
8D FF FF    sta $FFFF
AD B8 0A    lda NEXT        ; where the stream goes on, also after another RUN
85 57       sta SRC
AD B9 0A    lda NEXT+1
85 58       sta SRC+1
AD BA 0A    lda HIDDEN
85 60       sta SIDE
AD 00 DD    lda $DD00
09 03       ora #$03        ; the video chip at $0000
85 FC       sta PLAIN
49 03       eor #$03        ; at $C000, or at $4000 where that is the one to be drawn on
A6 60       ldx SIDE
10 02       bpl *+4
49 02       eor #$02
85 FD       sta BANK
8D 00 DD    sta $DD00
AD B5 0A    lda BORDER
8D 20 D0    sta $D020
A9 78       lda #$78        ; screen at $1C00 of the bank, bitmap or characters at $2000
8D 18 D0    sta $D018
AD B7 0A    lda CONTROL_2
8D 16 D0    sta $D016
A9 0F       lda #$0F        ; all of colour RAM
8D B4 0A    sta HEAD+4
20 66 09    jsr $0966
AD B6 0A    lda CONTROL_1
8D 11 D0    sta $D011
A9 FB       lda #$FB        ; an interrupt below the picture, in line 251
8D 12 D0    sta $D012
A9 01       lda #$01
8D 19 D0    sta $D019
8D 1A D0    sta $D01A
58          cli
"""

PICTURE_CODE = """
A9 34       lda #$34        ; nothing but RAM
85 01       sta $01
A0 04       ldy #$04        ; what comes with a picture
B1 57       lda (SRC),y
99 B0 0A    sta HEAD,y
88          dey
10 F8       bpl *-6
A9 05       lda #$05
18          clc
65 57       adc SRC
85 57       sta SRC
90 02       bcc *+4
E6 58       inc SRC+1
A9 FF       lda #$FF        ; a byte before the hidden screen
85 59       sta DST
A9 5B       lda #$5B
45 60       eor SIDE
85 5A       sta DST+1
20 B8 09    jsr $09B8
A9 FF       lda #$FF        ; and before the colours
85 59       sta DST
A9 57       lda #$57
85 5A       sta DST+1
20 B8 09    jsr $09B8
A9 35       lda #$35
85 01       sta $01
A9 00       lda #$00
85 5F       sta FRESH
A5 5F       lda FRESH       ; until the beam is below the picture
F0 FC       beq *-2
A5 02       lda STATE
C9 03       cmp #$03
B0 04       bcs *+6
A5 5E       lda LEFT        ; and the one that is shown had its time
D0 EE       bne *-16
A5 FD       lda BANK
49 02       eor #$02
85 FD       sta BANK
8D 00 DD    sta $DD00
20 66 09    jsr $0966
A5 60       lda SIDE
49 80       eor #$80
85 60       sta SIDE
A5 02       lda STATE
C9 03       cmp #$03
B0 03       bcs *+5
4C DC 08    jmp $08DC
78          sei             ; a key was down and is up again
A5 60       lda SIDE        ; another RUN goes on from here
8D BA 0A    sta HIDDEN
A5 57       lda SRC
8D B8 0A    sta NEXT
A5 58       lda SRC+1
8D B9 0A    sta NEXT+1
A9 00       lda #$00
8D 1A D0    sta $D01A
A9 01       lda #$01
8D 19 D0    sta $D019
A9 37       lda #$37
85 01       sta $01
A5 FC       lda PLAIN
8D 00 DD    sta $DD00
20 81 FF    jsr CINT        ; the KERNAL's own screen
58          cli
60          rts             ; after the SYS
"""

FLIP_SCREENS_CODE = """
AD B0 0A    lda HEAD
85 5E       sta LEFT
AD B1 0A    lda HEAD+1
8D 21 D0    sta $D021
AD B2 0A    lda HEAD+2
8D 22 D0    sta $D022
AD B3 0A    lda HEAD+3
8D 23 D0    sta $D023
A2 00       ldx #$00
4E B4 0A    lsr HEAD+4      ; colour RAM from the top, so far ahead of the beam that it never shows
90 09       bcc *+11
BD 00 58    lda SHADOW,x
9D 00 D8    sta $D800,x
E8          inx
D0 F7       bne *-7
4E B4 0A    lsr HEAD+4
90 09       bcc *+11
BD 00 59    lda SHADOW+$100,x
9D 00 D9    sta $D900,x
E8          inx
D0 F7       bne *-7
4E B4 0A    lsr HEAD+4
90 09       bcc *+11
BD 00 5A    lda SHADOW+$200,x
9D 00 DA    sta $DA00,x
E8          inx
D0 F7       bne *-7
4E B4 0A    lsr HEAD+4
90 09       bcc *+11
BD 00 5B    lda SHADOW+$300,x
9D 00 DB    sta $DB00,x
E8          inx
D0 F7       bne *-7
60          rts
"""

UNPACK_CODE = """
A0 00       ldy #$00        ; SRC at a code, DST a byte before what it changes
B1 57       lda (SRC),y
F0 24       beq *+38
30 29       bmi *+43
85 5D       sta COUNT       ; 1 to 127: so many bytes follow
A8          tay
B1 57       lda (SRC),y
91 59       sta (DST),y
88          dey
D0 F9       bne *-5
A5 5D       lda COUNT
38          sec             ; the code as well
65 57       adc SRC
85 57       sta SRC
90 02       bcc *+4
E6 58       inc SRC+1
A5 5D       lda COUNT
18          clc
65 59       adc DST
85 59       sta DST
90 DA       bcc *-36
E6 5A       inc DST+1
D0 D6       bne *-40
E6 57       inc SRC         ; 0: the end
D0 02       bne *+4
E6 58       inc SRC+1
60          rts
C8          iny
C9 C0       cmp #$C0
B0 39       bcs *+59
29 3F       and #$3F
F0 29       beq *+43
C9 3F       cmp #$3F
F0 0A       beq *+12
85 5D       sta COUNT       ; 129 to 190: so many bytes stay, less 128
E6 57       inc SRC
D0 D9       bne *-37
E6 58       inc SRC+1
D0 D5       bne *-41
18          clc             ; 191: as many stay as two bytes say
B1 57       lda (SRC),y
65 59       adc DST
85 59       sta DST
C8          iny
B1 57       lda (SRC),y
65 5A       adc DST+1
85 5A       sta DST+1
A9 03       lda #$03
18          clc
65 57       adc SRC
85 57       sta SRC
90 A1       bcc *-93
E6 58       inc SRC+1
D0 9D       bne *-97
B1 57       lda (SRC),y     ; 128: goes on at an address
AA          tax
C8          iny
B1 57       lda (SRC),y
85 58       sta SRC+1
86 57       stx SRC
D0 91       bne *-109
C9 E0       cmp #$E0
B0 15       bcs *+23
E9 BC       sbc #$BC        ; 192 to 223: 3 to 34 bytes again from a byte's distance; carry is clear
85 5D       sta COUNT
A5 59       lda DST
38          sec
F1 57       sbc (SRC),y
85 5B       sta FROM
A5 5A       lda DST+1
E9 00       sbc #$00
85 5C       sta FROM+1
A9 02       lda #$02
D0 14       bne *+22
E9 DC       sbc #$DC        ; 224 to 255: 4 to 35 bytes from two bytes' distance
85 5D       sta COUNT
A5 59       lda DST
38          sec
F1 57       sbc (SRC),y
85 5B       sta FROM
C8          iny
A5 5A       lda DST+1
F1 57       sbc (SRC),y
85 5C       sta FROM+1
A9 03       lda #$03
18          clc
65 57       adc SRC
85 57       sta SRC
90 02       bcc *+4
E6 58       inc SRC+1
A0 00       ldy #$00
C8          iny
B1 5B       lda (FROM),y
91 59       sta (DST),y
C4 5D       cpy COUNT
D0 F7       bne *-7
4C D5 09    jmp $09D5
"""

COUNT_FRAMES_CODE = """
48          pha             ; once a frame, in line 251
A5 01       lda $01
48          pha
A9 35       lda #$35
85 01       sta $01
A9 01       lda #$01
8D 19 D0    sta $D019
85 5F       sta FRESH
A5 61       lda SIXTY       ; of 60 frames every sixth does not count
F0 0A       beq *+12
C6 61       dec SIXTY
D0 06       bne *+8
A9 06       lda #6
85 61       sta SIXTY
D0 06       bne *+8
A5 5E       lda LEFT
F0 02       beq *+4
C6 5E       dec LEFT
A5 02       lda STATE       ; 0: the RETURN of RUN may be down; 1: no key was; 2: one is; 3: it is up again
4A          lsr
AD 01 DC    lda $DC01       ; the columns of the keyboard: a key that is down pulls one low
B0 06       bcs *+8
C9 FF       cmp #$FF
F0 06       beq *+8
D0 06       bne *+8
C9 FF       cmp #$FF
F0 02       beq *+4
E6 02       inc STATE
68          pla
85 01       sta $01
68          pla
40          rti
"""
