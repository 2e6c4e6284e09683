"""Two small files that torch 2.13 wrote, compressed: so that its containers are tested where torch is not installed.

``torch.save`` of an ordered dictionary: "a.weight", float32 [2, 3] of 0 to 5; "a.bias", float16 of 1 and 2;
"a.num_batches_tracked", int64 7.
"""

from __future__ import annotations

import base64
import zlib

ZIP = zlib.decompress(
    base64.b85decode(
        "c-o~^O-~a+7@lt1ZCSN^2oz9Ayp;q?zdr<pY|Lu1Ce|8F!)3GG4(*1e%j`};IS~ycCLYw27mY{bAJD(y#gjJ=gp&t<fX?jFWp}Zy"
        "!lctl+V}bB&ilNrh`|s5(I_~zM!*=54W*@S!^MV-<>c0eCh#$^=2?4;qUf3i6|CxQle=#;paC1VRRwbh%vVt$QKQ^)atEr-7DkMM"
        "bwZkyI#|_APBLJ<qiPKa!?vj#(sqVJ!9=1KAsCZX%1wwuHiQ#2UB(aX4>=UB1xQT_v9%yMm8}knh%83Y2O<y|F?fK6#Gn{BK-`NK"
        "^>G2Ci&b=~##(0Ts%)ZIizv0a?002t-60>g$kS+~6%iSXMlI5PG$sc2(Pf)(9HWUUnygJ&gze6zRF|>Rf~JHGS=oRM6!-Ao)7wpl"
        "f6C&|plQM%z-Wf>&(GVuS1`I-MYEk`MT|sWKK}J?jg-<|>3LIeaLu`?<hpKb%2?WlhDmNj;Aedo=38kh^ZDoZ=hP70y=7)V@kHkM"
        "awJ((o9#{5#sZ)1uk`m-$Wa3;JLrfZ5=>tMqhQ4`P=AV{PMb~Om(HTwU7Cuq2C0Yrn?I&$cd&gu#K0|2Di%`$f8!hmY}UOM^0rD|"
        "WbcvvVU;?HzdC$9MZTCC;Ap|?C@t`be|7|xfu;52+0iZ$0HFa|t6r^)z%QTY@vlXWnW=}ZZ-+V+jrR3043-=ZPL~(YY9h-~<*)CX"
        "j|TVO9LSsm!20<nG*ps+U71clNo@#x@;{BFO1W~bR4V0)<w8D{D;2Z(R63t66f?O(zEm!kOZh@3ohwk6sdA{3AU+b7%K$a&_;gQ-"
        "kyFn7bKH-14}iD_`6&Q;%@#k2JH#{I;4+}k<nZ&jgE;EpdE?@727n*#PEE`Mp9}(DcKuj)3cT2ler(#0b$729J09|3Gk&bQ|Asx-"
        "w=Qgt=k9KcIS+U&3<fl8MP%89ZhHr>JIEp5d55vjFX3)nSu44}kMnE)bA(wNGi24<wSNE);MBn"
    )
)
LEGACY = zlib.decompress(
    base64.b85decode(
        "c-n1|OK;Oa5XaY#IAx)w1qzgh#L>A#$Z48HLLvuLAuZ2v*$c89dmAsfcE&p{0;y6it$@$Kfg@jykATF1aa_tnS?$bdXJ_X3*Y3jp"
        "%(I_g_J7=a^X<h>cVR#M?vOtQ=F3gS*t{&Th>I*dQl-&F4i**2b-KwkVx~fsCpyZ({wO&m@%>zdMt@KSoMUi(*`lOLixQzFZ0XQR"
        "=Lnu~rCZM^@)@*+TUEr236rT9iDLNkGEt>U9_bi4u+9W5U#?L{)P1M)EJd(mEXp|Th860}@UT?VN@q!kDmO(L9t9j6-<R#0PnFS3"
        "f!nn3{j7-aRg>h<k{eVr>J3LhZ@4?`4MzO{yrtB5UXeQQ8N%92!GtZGQ@9`;VVwg1l-8;)B3zoly7ZRPraCgPkrFrk&3YVV2j{5E"
        "e^9|_IOq@d_I6=2Z3~+aTT8?VToKj@Ty4f*L)f0cb-BG9pI3+BG{QJlCd4v|->L*|{6l*}?|DwU`9G~6+=m^aSwy=<v`(j?+(x)F"
        "fxGn|ysrO!MVqxsxxMP;9M!d0v)X6TK8x%D8++{UwRlKwOq*;$_I3OVY0alb"
    )
)
