"""Stop words of Chinese in traditional characters; spaCy's list has the simplified ones alone."""

from __future__ import annotations

from collections.abc import Iterable

# Every simplified character of that list beside its traditional form.
_PAIRS = (
    "专專严嚴个個临臨为為举舉么麼义義乌烏乐樂习習争爭于於亏虧产產亲親仅僅从從们們优優会會伟偉传傳傥儻关關兴興决決况況"
    "准準凑湊几幾凭憑别別则則刚剛办辦务務动動势勢单單却卻历歷双雙变變后後吓嚇吗嗎吨噸呐吶呕嘔呗唄哒噠哗嘩哟喲喽嘍嗳噯"
    "嘘噓围圍图圖场場坚堅处處备備复復够夠头頭奋奮宁寧实實宽寬对對将將尔爾尝嘗尽盡届屆属屬屡屢岂豈带帶帮幫并並广廣应應"
    "开開张張弹彈强強归歸当當彻徹总總惯慣愤憤愿願战戰户戶扑撲扩擴据據拦攔择擇换換数數断斷无無旧舊时時显顯机機杂雜权權"
    "来來极極构構样樣欢歡毕畢没沒满滿渐漸点點热熱独獨现現犹猶着著确確离離种種积積称稱穷窮窃竊类類紧緊约約级級纯純纵縱"
    "线線练練组組经經结結给給绝絕继繼续續维維综綜缕縷罢罷联聯胜勝腾騰范範获獲虑慮虚虛虽雖蛮蠻见見规規觉覺认認让讓讲講"
    "许許论論设設识識诚誠话話该該说說请請诸諸谁誰调調谓謂谨謹贴貼贼賊赖賴赶趕转轉轰轟轻輕较較辄輒边邊达達过過运運还還"
    "这這进進连連迟遲适適里裡采採鉴鑒针針长長门門问問间間闻聞际際陈陳险險随隨难難顶頂顷頃顺順须須顿頓颇頗题題风風饱飽"
    "马馬齐齊"
)
_TRADITIONAL = str.maketrans(dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)))


def traditional_forms(words: Iterable[str]) -> set[str]:
    """Write simplified stop words in traditional characters; words that look alike in both are left out.

    Where a simplified character stands for several traditional ones, the one that stop words use is taken.

    Example:
        >>> sorted(traditional_forms(["我们", "什么", "的"]))
        ['什麼', '我們']
    """
    return {word.translate(_TRADITIONAL) for word in words} - set(words)
