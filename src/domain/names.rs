//! What the words are called by people, in Chinese and English: for pages that ask and for tables that are read.
use yunfa_signaling::words::{Pool, PracticeArea};

use super::people::{Language, ProviderType};

/// The Chinese and the English name of a practice area.
pub const fn of_area(area: PracticeArea) -> (&'static str, &'static str) {
    match area {
        PracticeArea::Family => ("婚姻家庭继承", "Marriage, family, inheritance"),
        PracticeArea::Labour => ("劳动社保", "Work and social insurance"),
        PracticeArea::Contract => ("合同纠纷", "Contracts"),
        PracticeArea::Debt => ("债权债务", "Debts"),
        PracticeArea::Traffic => ("交通事故", "Traffic accidents"),
        PracticeArea::Tort => ("损害赔偿", "Injury and damages"),
        PracticeArea::Land => ("土地建设、征地拆迁", "Land and expropriation"),
        PracticeArea::Housing => ("房屋产权、物业邻里", "Housing and neighbours"),
        PracticeArea::Criminal => ("刑事", "Criminal matters"),
        PracticeArea::Admin => ("行政与信访", "Authorities and petitions"),
        PracticeArea::MedEduConsumer => ("医疗教育消费", "Health, school, shopping"),
        PracticeArea::EnterpriseIp => ("企业与知识产权", "Business and intellectual property"),
        PracticeArea::Other => ("其他", "Something else"),
    }
}

/// The same of a kind of provider.
pub const fn of_type(kind: ProviderType) -> (&'static str, &'static str) {
    match kind {
        ProviderType::Lawyer => ("律师", "Lawyer"),
        ProviderType::GrassrootsLegalWorker => ("基层法律服务工作者", "Grass-roots legal worker"),
        ProviderType::Notary => ("公证员", "Notary"),
        ProviderType::Mediator => ("调解员", "Mediator"),
        ProviderType::Volunteer => ("志愿者", "Volunteer"),
    }
}

/// The same of a pool.
pub const fn of_pool(pool: Pool) -> (&'static str, &'static str) {
    match pool {
        Pool::Local => ("本地", "Local"),
        Pool::National => ("全国", "National"),
    }
}

/// The same of a language.
pub const fn of_language(language: Language) -> (&'static str, &'static str) {
    match language {
        Language::Mandarin => ("普通话", "Mandarin"),
        Language::Northeastern => ("东北话", "Northeastern Mandarin"),
        Language::Jilu => ("冀鲁话", "Ji-Lu Mandarin"),
        Language::Jiaoliao => ("胶辽话", "Jiao-Liao Mandarin"),
        Language::CentralPlains => ("中原话", "Central Plains Mandarin"),
        Language::Lanyin => ("兰银话", "Lan-Yin Mandarin"),
        Language::LowerYangtze => ("江淮话", "Lower Yangtze Mandarin"),
        Language::Southwestern => ("西南话", "Southwestern Mandarin"),
        Language::Jin => ("晋语", "Jin"),
        Language::Wu => ("吴语", "Wu"),
        Language::Hui => ("徽语", "Huizhou"),
        Language::Gan => ("赣语", "Gan"),
        Language::Xiang => ("湘语", "Xiang"),
        Language::Hakka => ("客家话", "Hakka"),
        Language::MinNan => ("闽南语", "Southern Min"),
        Language::MinDong => ("闽东语", "Eastern Min"),
        Language::Cantonese => ("粤语", "Cantonese"),
        Language::Mongolian => ("蒙古语", "Mongolian"),
        Language::Tibetan => ("藏语", "Tibetan"),
        Language::Uyghur => ("维吾尔语", "Uyghur"),
        Language::Kazakh => ("哈萨克语", "Kazakh"),
        Language::Korean => ("朝鲜语", "Korean"),
        Language::Zhuang => ("壮语", "Zhuang"),
        Language::Yi => ("彝语", "Yi"),
        Language::English => ("英语", "English"),
        Language::SignLanguage => ("中国手语", "Chinese Sign Language"),
    }
}

/// A practice area by code or by name.
pub fn read_area(text: &str) -> Option<PracticeArea> {
    find(PracticeArea::ALL, text, |word| word.as_str(), of_area)
}

/// A kind of provider by code or by name.
pub fn read_type(text: &str) -> Option<ProviderType> {
    find(ProviderType::ALL, text, |word| word.as_str(), of_type)
}

/// A pool by code or by name.
pub fn read_pool(text: &str) -> Option<Pool> {
    find(Pool::ALL, text, |word| word.as_str(), of_pool)
}

/// A language by code or by name.
pub fn read_language(text: &str) -> Option<Language> {
    find(Language::ALL, text, |word| word.as_str(), of_language)
}

fn find<T: Copy>(
    all: &[T],
    text: &str,
    code: impl Fn(T) -> &'static str,
    name: impl Fn(T) -> (&'static str, &'static str),
) -> Option<T> {
    let same = |word: &str| word.eq_ignore_ascii_case(text);
    all.iter().copied().find(|word| same(code(*word)) || same(name(*word).0) || same(name(*word).1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_known_by_its_code_and_by_both_names_and_no_two_share_one() {
        for area in PracticeArea::ALL {
            let (zh, en) = of_area(*area);
            assert!([area.as_str(), zh, en].iter().all(|text| read_area(text) == Some(*area)), "{area}");
        }
        for language in Language::ALL {
            let (zh, en) = of_language(*language);
            assert!([language.as_str(), zh, en].iter().all(|text| read_language(text) == Some(*language)), "{zh}");
        }
        assert_eq!((read_pool("全国"), read_type("调解员")), (Some(Pool::National), Some(ProviderType::Mediator)));
        assert_eq!((read_area("算命"), read_language("")), (None, None));
    }
}
